"""dvc.yaml says the truth: every import is a dependency, every parameter that is read is declared, every path is written down once."""

import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from tests.pipeline.small import inherited
from textlstm.core import paths
from textlstm.core.params import Params, load_params

ROOT = Path(__file__).parents[2]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES = {name: entry.get("do", entry) for name, entry in PIPELINE["stages"].items()}
OWN = ("textlstm", "stages")


def module_file(module: str) -> Path | None:
    """The file of a module or package of the project, None for a name that is neither."""
    place = ROOT / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists()), None)


def imported(path: Path) -> set[Path]:
    """Files of the project that a file imports, wherever the import stands in it, with the `__init__.py` of their packages."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    never_run = {part for node in for_types for statement in node.body for part in ast.walk(statement)}
    for node in set(ast.walk(tree)) - never_run:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    assert "textlstm" not in names, f"{path}: expected the module that is meant, got the package that hides it"
    names |= {name.rpartition(".")[0] for name in names}
    return {file for name in names if name.split(".")[0] in OWN if (file := module_file(name))}


def all_imported(path: Path) -> set[Path]:
    """The same, with what these files import in turn, and the file itself."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += imported(file)
    return seen


def read_parameters(path: Path) -> set[str]:
    """Dotted names that a stage reads off `params`, or off a name that stands for one of its sections."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    meaning: dict[str, str] = {"params": ""}

    def dotted(node: ast.expr) -> str | None:
        if isinstance(node, ast.Name) and node.id in meaning:
            return meaning[node.id]
        if isinstance(node, ast.Attribute) and (parent := dotted(node.value)) is not None:
            return (
                f"{parent}.{node.attr}".lstrip(".") if node.attr != "language" else "languages"
            )  # Params.language looks one up
        return None

    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets, values = node.targets[0], node.value
            pairs = (
                zip(targets.elts, values.elts, strict=True)
                if isinstance(targets, ast.Tuple) and isinstance(values, ast.Tuple)
                else [(targets, values)]
            )
            for target, value in pairs:
                name = dotted(value)
                if isinstance(target, ast.Name) and name and name in Params.model_fields:
                    meaning[target.id] = name
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    inner = {id(node.value) for node in attributes}
    outermost = [node for node in attributes if id(node) not in inner]
    found = {name for node in outermost if (name := dotted(node))}
    passed = {
        meaning[node.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and meaning.get(node.id) and isinstance(node.ctx, ast.Load)
    }
    used_as_a_whole = {name for name in passed if not any(other.startswith(f"{name}.") for other in found)}
    fields = {name for name in found | used_as_a_whole if name.split(".")[0] in Params.model_fields}
    return {".".join(name.split(".")[:2]) if is_key(name) else name.split(".")[0] for name in fields}


def is_key(name: str) -> bool:
    """Whether the dotted name goes on to a key of a section (and not to a method, as in `languages.items`)."""
    section, _, rest = name.partition(".")
    annotation = Params.model_fields[section].annotation
    return rest.split(".")[0] in getattr(annotation, "model_fields", {})


def declared(stage: str) -> set[str]:
    """The parameters of a stage, those of each item where there is one stage per item."""
    names = {next(iter(name)) if isinstance(name, dict) else name for name in STAGES[stage].get("params", [])}
    items = PIPELINE["stages"][stage].get("foreach")
    if isinstance(items, dict):
        names |= {item["params"] for item in items.values()}
        names -= {"${item.params}"}
    return names


def code_deps(stage: str) -> set[Path]:
    """The dependencies of a stage that are code of the project: packages, and single files where dvc.yaml says why."""
    return {ROOT / dep for dep in STAGES[stage]["deps"] if dep.split("/")[0] in OWN}


@pytest.mark.parametrize("stage", STAGES)
def test_every_import_is_covered_by_a_dependency(stage: str) -> None:
    wanted = {file for file in all_imported(ROOT / "stages" / f"{stage}.py") if file.name != "__init__.py"}
    uncovered = {file for file in wanted if not any(file.is_relative_to(dep) for dep in code_deps(stage))}
    assert not uncovered, f"{stage} imports what it does not name"


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_names_code_that_it_does_not_import(stage: str) -> None:
    wanted = all_imported(ROOT / "stages" / f"{stage}.py")
    unused = {dep for dep in code_deps(stage) if not any(file.is_relative_to(dep) for file in wanted)}
    assert not unused, f"{stage} names what it does not import"


@pytest.mark.parametrize("path", sorted((ROOT / "textlstm").glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_packages_hold_nothing_that_could_change_a_result(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert all(isinstance(node, ast.Expr) for node in body), "not every stage depends on this file: a docstring only"


def test_the_package_of_the_stages_can_only_end_the_process() -> None:
    """Stages do not depend on it: it may hold nothing but what ends the process under a Python that will not do."""
    old_python = (3, 6)
    _docstring, *rest = ast.parse(
        (ROOT / "stages/__init__.py").read_text(encoding="utf-8"), feature_version=old_python
    ).body
    imports = [node.names[0].name for node in rest if isinstance(node, ast.Import)]
    (missing,) = [node for node in rest if isinstance(node, ast.Assign)]
    quiet, dies_with_dvc, check = [node for node in rest if isinstance(node, ast.If)]
    assert len(rest) == len(imports) + 4
    called = [ast.unparse(node.func) for node in ast.walk(quiet) if isinstance(node, ast.Call)]
    assert set(called) == {"signal.getsignal", "signal.signal"}
    assert set(imports) == {"ctypes", "importlib.util", "os", "signal", "sys"}
    called = [ast.unparse(node.func) for node in ast.walk(dies_with_dvc) if isinstance(node, ast.Call)]
    assert set(called) == {"ctypes.CDLL", "ctypes.CDLL(None).prctl", "os.getsid", "os.getppid", "os.getpid", "sys.exit"}
    assert ast.unparse(missing.targets[0]) == "_MISSING"
    (ended,) = check.body
    assert ast.unparse(ended).startswith("sys.exit(")
    assert not check.orelse


def test_compiled_modules_are_no_part_of_a_dependency() -> None:
    assert "__pycache__" in (ROOT / ".dvcignore").read_text(encoding="utf-8").split()


KNOBS = {
    "ngram.weight",
    "nbsvm.weight",
    "nbsvm.sentence_weight",
    "abstention.threshold",
    "sentiment.threshold",
}  # they decide answers, and are read where answers are made


def all_but_knobs(section: str) -> set[str]:
    """The keys of a section that is passed on as a whole to what trains; it reads no knob (see below)."""
    fields = getattr(Params.model_fields[section].annotation, "model_fields", {})
    return {f"{section}.{key}" for key in fields} - KNOBS if fields else {section}


@pytest.mark.parametrize("stage", STAGES)
def test_every_parameter_read_is_declared(stage: str) -> None:
    names = declared(stage)
    if names & {"params.yaml", "params.yaml:"}:  # the whole file
        return
    read = read_parameters(ROOT / "stages" / f"{stage}.py")
    covered = {name for name in read if name in names or name.split(".")[0] in names}
    covered |= {name for name in read if name in Params.model_fields and all_but_knobs(name) <= names}
    by_item = {name for name in names if "${" in name}
    assert read - covered <= ({"languages"} if by_item else set()), f"{stage} reads what it does not declare"
    roots = {name.split(".")[0] for name in read}
    assert {name.split(".")[0] for name in names} <= roots, f"{stage} declares what it does not read"


def test_declared_parameters_exist() -> None:
    known = load_params(ROOT / "params.yaml").model_dump()
    for stage in STAGES:
        for name in declared(stage) - {"params.yaml", "params.yaml:"}:
            section, _, key = name.partition(".")
            assert section in known
            assert not key or "${" in key or key in known[section], f"{stage}: {name}"


def test_every_stage_has_its_script_and_its_description() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert scripts == set(STAGES)
    for name, entry in STAGES.items():
        assert entry["cmd"].split(" ")[:4] == ["exec", "python", "-m", f"stages.{name}"]
        assert entry["desc"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_stage_ends_with_dvc_whatever_shell_stands_between(shell: str, tmp_path: Path) -> None:
    """DVC starts a stage through the user's shell, and dash goes on waiting for its program where bash becomes it."""
    (tmp_path / "stages").mkdir()
    shutil.copy(ROOT / "stages/__init__.py", tmp_path / "stages")
    (tmp_path / "stages/check_params.py").write_text(
        "import os, time\nprint('stage', os.getpid(), flush=True)\ntime.sleep(600)\n", encoding="utf-8"
    )
    stages = {"check_params": {"cmd": STAGES["check_params"]["cmd"]}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    environment = inherited() | {"SHELL": shell}
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--quiet", "--no-scm"], cwd=tmp_path, env=environment, check=True)
    with subprocess.Popen(
        [*dvc, "repro"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        said = next(line for line in running.stdout if line.startswith("stage "))
        stage = psutil.Process(int(said.split()[1]))
        try:
            running.kill()
            running.wait()
            assert psutil.wait_procs([stage], timeout=10)[0], "the stage lives on"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)


def test_every_output_belongs_to_one_stage() -> None:
    outputs = [
        next(iter(out)) if isinstance(out, dict) else out
        for entry in STAGES.values()
        for kind in ("outs", "metrics", "plots")
        for out in entry.get(kind, [])
    ]
    assert len(outputs) == len(set(outputs))


def test_artifacts_are_the_models_that_a_wheel_ships() -> None:
    outputs = {
        next(iter(out)) if isinstance(out, dict) else out for do in STAGES.values() for out in do.get("outs", [])
    }
    places = {artifact["path"] for artifact in PIPELINE["artifacts"].values()}
    assert places == {str(place) for place in paths.SHIPPED_MODELS}
    assert places <= outputs
    for artifact in PIPELINE["artifacts"].values():
        assert artifact["type"] == "model"
        assert artifact["desc"]
        assert artifact["labels"]


def test_only_one_place_imports_each_heavy_thing() -> None:
    homes = {
        "mlflow": r"textlstm/tracking/",
        "pooch": r"textlstm/data/download\.py",
        "tensorflow": r"textlstm/nn/backend\.py",
        "keras": r"textlstm/nn/backend\.py",
    }
    for folder in OWN:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                for name in names:
                    home = homes.get(name.split(".")[0])
                    assert home is None or re.match(home, str(path.relative_to(ROOT))), f"{path} imports {name}"


def overlap(one: str, other: str) -> bool:
    """Whether one path is the other or lies in it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def ancestors(stage: str, last: frozenset[str] = frozenset({"split_imdb"})) -> set[str]:
    """What a stage reads, and what the stages before it do, up to those that are `last`."""
    deps = set(STAGES[stage]["deps"])
    made_by = {
        name
        for name, entry in STAGES.items()
        if any(overlap(out, dep) for out in entry.get("outs", []) if isinstance(out, str) for dep in deps)
    }
    return deps.union(*(ancestors(name, last) for name in made_by - last - {stage}))


def data_deps(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.split("/")[0] not in OWN}


def test_the_detector_is_calibrated_on_training_data_alone() -> None:
    assert data_deps("calibrate_detector") == {
        "data/calibration",
        "models/table",
    }
    assert data_deps("compile_detector") == {
        "data/vectors/language",
        "models/background",
        "models/language",
        "models/ngram",
    }
    assert data_deps("draw_words") == {"data/raw/words", "data/split/language/${key}/train.txt"}
    behind = ancestors("train_background", frozenset({"split_others"}))
    assert "data/split/others/learn.json" in behind
    assert not {dep for dep in behind if "heldout" in dep or "unseen" in dep}


def test_training_cannot_see_the_reviews_to_test_on() -> None:
    assert "data/split/imdb/train.parquet" in ancestors("train_imdb")
    for stage in ("train_imdb", "train_nbsvm", "calibrate_sentiment"):
        assert "data/split/imdb/test.parquet" not in ancestors(stage)
    assert "data/split/imdb/validation.parquet" not in ancestors("train_imdb") | ancestors("train_nbsvm")


def test_no_knob_of_a_decision_trains_anything() -> None:
    training = [name for name in STAGES if name.startswith(("train", "pretrain", "draw", "vectorize"))]
    for stage in training:
        assert not {name for knob in KNOBS for name in (knob, knob.split(".")[0])} & declared(stage), stage
    for path in (
        ROOT / "textlstm/sentiment/nbsvm.py",
        ROOT / "textlstm/language/ngram.py",
        ROOT / "textlstm/language/mixture.py",
    ):
        assert "settings.weight" not in path.read_text(encoding="utf-8"), path
