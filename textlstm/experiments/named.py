"""Named experiments: `textlstm experiment NAME` runs experiments/NAME.yaml as a DVC experiment of that name.

The file says which parameters differ from those of the last commit and what was published. The experiment runs in a
clone (the workspace stays as it is), goes to MLflow like any other, and its metrics to experiments/results/NAME.json.
One that was interrupted goes on after the last stage that was complete, one that is complete is not run again at the
same commit. Without a name, the experiments are listed.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from textlstm.core.config import checked
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic_folder, require, write_json
from textlstm.core.params import check_params, merged
from textlstm.core.yaml_files import read_yaml
from textlstm.experiments.runner import Experiments, experiments_of

FOLDER = Path("experiments")


class Experiment(BaseModel):
    """All that an experiment's file says."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: str
    published: dict[str, float]  # figures of others
    metrics: Annotated[str, StringConstraints(pattern=r"^metrics/[a-z_]+\.json$")]
    params: dict[str, Any]  # those that differ, nested as in params.yaml


def titles() -> dict[str, str]:
    """The title of each experiment in experiments/, by name."""
    require(FOLDER)
    return {path.stem: _load(path).title for path in sorted(FOLDER.glob("*.yaml"))}


def run_named(name: str) -> None:
    """Run experiments/NAME.yaml and write down its metrics; a name that is not there is a TextLSTMError that gives those that are."""
    experiment = _read(name)
    with experiments_of(name) as experiments:
        metrics = experiments.metrics(_commit(name, experiment, experiments), Path(experiment.metrics))
    result = {"title": experiment.title, "published": experiment.published, **metrics}
    write_json(FOLDER / "results" / f"{name}.json", result)
    print(
        f"{name}: published {experiment.published or 'nothing'}, ours: AUC {result['auc']:.4f}, accuracy {result['accuracy']:.4f}"
    )


def outputs(name: str, wanted: Iterable[Path]) -> Path:
    """A folder with what an experiment has made, under the same paths; it is run first unless it has been run at this commit.

    Raises:
        TextLSTMError: the experiment failed, or DVC does not have its outputs.
    """
    with experiments_of(name) as experiments:
        commit = _commit(name, _read(name), experiments)
        place = experiments.folder / "outputs" / commit[:12]
        if not place.exists():
            with atomic_folder(place) as temporary:
                experiments.copy_outputs(commit, wanted, temporary)
    return place


def _read(name: str) -> Experiment:
    known = titles()
    if name not in known:
        raise TextLSTMError(f"expected the name of an experiment ({', '.join(known)}), got {name!r}")
    return _load(FOLDER / f"{name}.yaml")


def _load(path: Path) -> Experiment:
    return checked(Experiment, read_yaml(path), str(path), meanings="textlstm/experiments/named.py")


def _commit(name: str, experiment: Experiment, experiments: Experiments) -> str:
    """The commit of a named experiment, which is run unless it is there."""
    params = merged(experiments.params, experiment.params)
    check_params(params, str(FOLDER / f"{name}.yaml"))
    return experiments.run(name, params)
