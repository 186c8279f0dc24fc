"""What `import textlstm` gives to programs, and that it gives it late."""

import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import textlstm
from textlstm.core import files, paths
from textlstm.core.errors import TextLSTMError

ROOT = Path(__file__).parents[2]


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import json, sys\nbefore = set(sys.modules)\nimport textlstm\nprint(json.dumps([*set(sys.modules) - before]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    of_others = {name for name in json.loads(done.stdout) if name.split(".")[0] not in sys.stdlib_module_names}
    assert of_others == {"textlstm"}


def test_every_public_name_is_there() -> None:
    assert set(textlstm.__all__) <= set(dir(textlstm))
    for name in textlstm.__all__:
        value = getattr(textlstm, name)
        assert name == "__version__" or value is getattr(importlib.import_module(value.__module__), name)
    with pytest.raises(AttributeError, match="module 'textlstm' has no attribute 'load_detectors'"):
        textlstm.load_detectors()
    with pytest.raises(ImportError, match="cannot import name 'load_detectors'"):
        exec("from textlstm import load_detectors")  # noqa: S102


def test_type_checkers_see_every_public_name() -> None:
    code = "import textlstm\n" + "".join(f"reveal_type(textlstm.{name})\n" for name in [*textlstm.__all__, "misspelt"])
    command = [sys.executable, "-m", "mypy", "--config-file=", "--follow-imports=silent", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1
    assert 'Module has no attribute "misspelt"' in errors[0]
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert sum('is "Any"' in line for line in revealed) == 1  # of the misspelt name
    assert (ROOT / "textlstm/py.typed").exists()


def test_models_are_those_given_or_installed_or_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    installed = tmp_path / "textlstm/models"
    monkeypatch.setattr(paths, "INSTALLED_MODELS", installed)
    assert files.find_models(None) == Path("models")
    installed.mkdir(parents=True)
    assert files.find_models(None) == installed
    assert files.find_models(Path("others")) == Path("others")


@pytest.mark.parametrize("load", ["load_detector", "load_classifier"])
def test_models_that_are_not_there_are_one_message(load: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = (
        r"models/\w+\.json: no such file\. Run 'make repro' to train the models, or name the folder that holds them"
    )
    with pytest.raises(TextLSTMError, match=f"^{message}$"):
        getattr(textlstm, load)()


def test_the_wheel_requires_versions_that_fit_those_that_training_has() -> None:
    """The packages of requirements.in are the extra `train` (pyproject.toml reads the file): the others must be among them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["dynamic"]["optional-dependencies"] == {
        "train": {"file": "requirements.in"},
        "page": {"file": "requirements-page.in"},
        "ray": {"file": "requirements-ray.in"},
    }
    asking = {name.split(">")[0] for name in project["project"]["dependencies"]}
    chosen = [
        line.split("#")[0].strip() for line in (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    ]
    assert asking == {"numpy", "threadpoolctl"}
    assert asking <= {name.split(">")[0] for name in chosen}
