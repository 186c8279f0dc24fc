"""Named experiments: `textlstm experiment NAME` runs experiments/NAME.yaml as a DVC experiment of that name.

The file says which parameters differ from `params.yaml` and what was published. The run goes to a temporary folder (the workspace stays
as it is), to MLflow like any other, and its metrics to experiments/results/NAME.json. Without a name, the experiments are listed.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic_folder, read_text, require, write_json
from textlstm.core.params import check_params, flat

FOLDER = Path("experiments")


def titles() -> dict[str, str]:
    """The title of each experiment in experiments/, by name."""
    require(FOLDER)
    return {path.stem: yaml.safe_load(read_text(path))["title"] for path in sorted(FOLDER.glob("*.yaml"))}


def run_named(name: str) -> None:
    """Run experiments/NAME.yaml; a name that is not there is a TextLSTMError that gives those that are."""
    known = titles()
    if name not in known:
        raise TextLSTMError(f"expected the name of an experiment ({', '.join(known)}), got {name!r}")
    run(name, yaml.safe_load(read_text(FOLDER / f"{name}.yaml")))


def run(name: str, experiment: dict[str, Any]) -> None:
    """Check the parameters, run the pipeline with them, and write down the metrics."""
    changes, params = experiment["params"], yaml.safe_load(read_text(paths.PARAMS))
    check_params(merged(params, changes), f"experiments/{name}.yaml")
    if name in experiment_commits():
        subprocess.run(["dvc", "exp", "remove", "--quiet", name], check=True)
    known = dict(flat(params))
    added = {key: "" if key in known else "+" for key, _ in flat(changes)}  # DVC wants a sign before keys that are new
    settings = [word for key, value in flat(changes) for word in ("--set-param", f"{added[key]}{key}={json.dumps(value)}")]
    removed = [f"~{key}" for key in replaced_languages(params, changes)]
    settings += [word for key in removed for word in ("--set-param", key)]
    done = subprocess.run(["dvc", "exp", "run", "--temp", "--name", name, *settings], check=False)
    if done.returncode:
        raise TextLSTMError(f"{name}: dvc exp run failed with exit status {done.returncode}; its own message stands above")
    commit = experiment_commits()[name]
    metrics = {path.stem: json.loads(_git("show", f"{commit}:{path}")) for path in (paths.METRICS_LANGUAGE, paths.METRICS_IMDB)}
    result = {"title": experiment["title"], "published": experiment["published"], **metrics[Path(experiment["metrics"]).stem]}
    write_json(FOLDER / "results" / f"{name}.json", result)
    print(
        f"{name}: published {experiment['published'] or 'nothing'}, ours: AUC {result['auc']:.4f}, accuracy {result['accuracy']:.4f}"
    )


def outputs(name: str, wanted: Sequence[Path], folder: Path) -> Path:
    """What an experiment has made, in a folder: run first unless there is one of that name that began at the present commit.

    The run takes what it finds in DVC's cache, so one that was interrupted goes on after the last stage that was complete.

    Args:
        name: of the experiment.
        wanted: which outputs, relative to the root of the repository.
        folder: where to put them: each experiment's into a folder of its own, which is returned.

    Raises:
        TextLSTMError: the experiment failed, or DVC does not have its outputs.
    """
    if not _git("for-each-ref", _reference(name)):
        run(name, yaml.safe_load(read_text(FOLDER / f"{name}.yaml")))
    commit = _git("for-each-ref", "--format=%(objectname)", _reference(name)).strip()
    place = folder / f"{name}-{commit[:12]}"
    if not place.exists():
        with atomic_folder(place) as temporary:
            for path in wanted:
                (temporary / path).parent.mkdir(parents=True, exist_ok=True)
                words = ["dvc", "get", "--quiet", ".", str(path), "--rev", commit, "--out", str(temporary / path)]
                if subprocess.run(words, check=False).returncode:
                    raise TextLSTMError(
                        f"{name}: DVC cannot give its {path}; its own message stands above. "
                        f"Remove the experiment, so that it runs again: 'dvc exp remove {name}'"
                    )
    return place


def _reference(name: str) -> str:
    """The git reference of the experiment of that name that began at the present commit."""
    head = _git("rev-parse", "HEAD").strip()
    return f"refs/exps/{head[:2]}/{head[2:]}/{name}"


def merged(params: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`params` with `changes` laid over it; a mapping of languages replaces the other, all else is merged key by key."""
    result = dict(params)
    for key, value in changes.items():
        known = params.get(key)
        result[key] = (
            merged(known, value) if isinstance(known, dict) and isinstance(value, dict) and key != "languages" else value
        )
    return result


def replaced_languages(params: dict[str, Any], changes: dict[str, Any]) -> list[str]:
    """Dotted keys of the languages that `changes` leaves out."""
    kept = changes.get("languages", params["languages"])
    return [f"languages.{name}" for name in params["languages"] if name not in kept]


def experiment_commits() -> dict[str, str]:
    """The commit of each DVC experiment, by name."""
    lines = _git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
    pairs = [line.split(" ") for line in lines if not line.startswith("refs/exps/exec/")]
    return {reference.rsplit("/", 1)[1]: commit for reference, commit in pairs}


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout
