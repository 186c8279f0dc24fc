"""Search over parameters: each trial a DVC experiment and an MLflow run, each counted once however often the sweep is interrupted.

Reads   studies/<name>.yaml (see textlstm.experiments.study), params.yaml of the last commit
Writes  DVC experiments <study>-<number>[-s<seed>], MLflow runs with the tag textlstm.study, and in .textlstm/: studies.db (Optuna's
        record), experiments/<study>/ (a log for each experiment, table.md, table.csv, importances.png)
Run     textlstm sweep studies/<name>.yaml; Ctrl-C stops it, the same command goes on

A trial keeps its number, its parameters and so the names of its experiments from the moment Optuna has drawn it. What
an interrupted sweep leaves "running" is taken up first, under the same number: an experiment that exists is not run
again.
"""

import contextlib
import json
import logging
import os
import platform
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib as mpl
import optuna
import sqlalchemy
from filelock import FileLock
from optuna.trial import FrozenTrial, Trial, TrialState

mpl.use("Agg")

from matplotlib import pyplot as plt

from textlstm.core import paths
from textlstm.core.config import with_values
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, write_csv, write_text
from textlstm.core.git import ROOT, git
from textlstm.core.yaml_files import read_yaml
from textlstm.experiments.runner import (
    ExperimentFailedError,
    Experiments,
    StoppedError,
    alone,
    committed,
    repository,
    stop_on_signals,
    study_folder,
)
from textlstm.experiments.study import Choice, Range, Study, Value, Values, load_study
from textlstm.nn.live import live_folder

_COUNTED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
_FEWEST_FOR_IMPORTANCES = 3

Report = Callable[[int, float], bool]  # epoch, loss -> whether to stop
Measure = Callable[[str, Values, Report], float]  # name of an experiment, its parameters -> the metric


def open_study(spec: Study, storage: str | optuna.storages.BaseStorage, baseline: str) -> optuna.Study:
    """The study's record: a new one, or the one that an earlier sweep has left.

    Raises:
        TextLSTMError: there is one that asks another question, so that its trials cannot be compared with new ones.
    """
    study = optuna.create_study(
        storage=storage, study_name=spec.name, direction=spec.direction, load_if_exists=True, pruner=_pruner(spec)
    )
    question = study.user_attrs.get("question")
    if not question:
        study.set_user_attr("baseline", baseline)
        study.set_user_attr("question", spec.question())
    elif question != spec.question():
        old, new = json.loads(question), json.loads(spec.question())
        changed = [key for key in new if json.dumps(old.get(key)) != json.dumps(new[key])]
        raise TextLSTMError(
            f"study {spec.name}: {', '.join(changed)} changed since its first trials, which cannot be compared with new ones. "
            "Give the study another name, or put back what it was (trials and jobs may change)"
        )
    return study


def record_of(root: Path) -> str:
    """The address of the database that holds the trials of all studies: $TEXTLSTM_STUDIES, or else a file of the clone.

    A relative one starts at the root of the repository, as it does for MLflow.
    """
    address = os.environ.get("TEXTLSTM_STUDIES", "") or f"sqlite:///{root / '.textlstm' / 'studies.db'}"
    if address.startswith("sqlite:///"):
        address = f"sqlite:///{root / address.removeprefix('sqlite:///')}"
    return address.replace("postgresql://", "postgresql+psycopg://", 1)


@contextlib.contextmanager
def record_lock(record: str, root: Path) -> Iterator[None]:
    """Hold the database of the trials: against other sweeps of the clone if it is a file, and of all clones on PostgreSQL.

    Raises:
        TextLSTMError: the database is another one, or does not answer.
    """
    if record.startswith("sqlite:"):
        with FileLock(root / ".textlstm" / "studies.lock"):
            yield
        return
    if not record.startswith("postgresql"):
        raise TextLSTMError(
            f"TEXTLSTM_STUDIES: expected an address that begins with postgresql:// or sqlite:///, got {record}"
        )
    engine = sqlalchemy.create_engine(record, poolclass=sqlalchemy.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("select pg_advisory_xact_lock(hashtext('textlstm studies'))"))
            yield
    except sqlalchemy.exc.OperationalError as error:
        raise TextLSTMError(f"TEXTLSTM_STUDIES: the database does not answer ({error.orig})") from None


def run_trials(
    study: optuna.Study,
    spec: Study,
    first_seed: int,
    measure: Measure,
    stop: threading.Event,
    *,
    clone: str = "",
    alone_in_record: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> None:
    """Run trials, `spec.jobs` at once, until `spec.trials` are counted or `stop` is set.

    Args:
        study: Optuna's record.
        spec: what to search.
        first_seed: the parameter `seed` of the first repeat.
        measure: runs one experiment.
        stop: set by a signal, and by this function when a trial meets a fault that is not the trial's own.
        clone: whose trials are taken up that were interrupted; those of other clones may be at work.
        alone_in_record: keeps others from drawing a trial at the same time.
    """
    lock = threading.Lock()
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    unfinished = iter([trial for trial in running if trial.user_attrs.get("clone", clone) == clone])

    def work() -> None:
        while not stop.is_set():
            with lock, alone_in_record():
                drawn = _next_trial(study, spec, unfinished, clone)
            if drawn is None:
                return
            try:
                _run_trial(study, spec, drawn[0], drawn[1], first_seed, measure)
            except StoppedError:
                return
            except BaseException:
                stop.set()
                raise

    with ThreadPoolExecutor(spec.jobs) as pool:
        for future in [pool.submit(work) for _ in range(spec.jobs)]:
            future.result()


def _next_trial(
    study: optuna.Study, spec: Study, unfinished: Iterator[FrozenTrial], clone: str
) -> tuple[Trial, Values] | None:
    """A trial and its parameters: one that was interrupted, else a new one, None when all are counted."""
    left = next(unfinished, None)
    if left is not None:
        study.sampler = _sampler(spec, left.number)
        trial = Trial(study, left._trial_id)  # noqa: SLF001 - the one way to take up a running trial
    else:
        number = len(study.get_trials(deepcopy=False, states=_COUNTED))
        if number >= spec.trials:
            return None
        study.sampler = _sampler(spec, number)
        if spec.sampler == "grid" and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial({key: _label(value) for key, value in spec.point(number).items()})
        trial = study.ask()
        trial.set_user_attr("clone", clone)
    return trial, {key: _suggest(trial, key, part) for key, part in spec.space.items()}


def _run_trial(
    study: optuna.Study, spec: Study, trial: Trial, values: Values, first_seed: int, measure: Measure
) -> None:
    seeds = [first_seed + repeat for repeat in range(spec.repeats)]
    names = [f"{spec.name}-{trial.number}" + (f"-s{seed}" if spec.repeats > 1 else "") for seed in seeds]
    trial.set_user_attr("experiments", names)
    trial.set_user_attr("values", values)
    losses: dict[int, float] = {}

    def report(epoch: int, loss: float) -> bool:
        if epoch not in losses:
            losses[epoch] = loss
            trial.report(
                -loss if spec.direction == "maximize" else loss, epoch
            )  # a pruner looks where the metric is to go
        return trial.should_prune()

    results: list[float] = []
    try:
        for name, seed in zip(names, seeds, strict=True):
            wanted = spec.fixed | values | ({"seed": seed} if spec.repeats > 1 else {})
            results.append(measure(name, wanted, report if not results else _never_stop))
    except ExperimentFailedError as error:
        trial.set_user_attr("reason", str(error))
        study.tell(trial, state=TrialState.FAIL)
        print(f"{names[len(results)]}: failed: {str(error).splitlines()[0]}", flush=True)
        return
    except optuna.TrialPruned:
        trial.set_user_attr("reason", f"loss above the median of other trials in epoch {max(losses)}")
        study.tell(trial, state=TrialState.PRUNED)
        print(f"{names[len(results)]}: stopped early", flush=True)
        return
    trial.set_user_attr("results", results)
    study.tell(trial, statistics.fmean(results))
    print(
        f"{spec.name}-{trial.number}: {spec.metric_key} {statistics.fmean(results):.6g}  {_settings(values)}",
        flush=True,
    )


def _never_stop(_epoch: int, _loss: float) -> bool:
    return False


def _sampler(spec: Study, number: int) -> optuna.samplers.BaseSampler:
    """A sampler for one trial: seeded by its number, or a sweep that goes on would draw the same trials again."""
    seed = (spec.seed * 1_000_003 + number) % 2**31
    if spec.sampler == "tpe":
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=min(10, max(3, spec.trials // 4)), constant_liar=True
        )
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(spec: Study) -> optuna.pruners.BasePruner:
    if spec.pruner is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=spec.pruner.startup, n_warmup_steps=spec.pruner.warmup)


def _suggest(trial: Trial, key: str, part: Choice | Range) -> Value:
    if isinstance(part, Choice):
        labels = {_label(value): value for value in part.choice}
        return labels[trial.suggest_categorical(key, list(labels))]
    if isinstance(part.low, int) and isinstance(part.high, int):
        step = int(part.step) if part.step is not None else 1
        return trial.suggest_int(key, part.low, part.high, step=step, log=part.log)
    return trial.suggest_float(key, part.low, part.high, step=part.step, log=part.log)


def _label(value: Value) -> Any:
    """A value as Optuna stores it: it knows no lists."""
    return json.dumps(value) if isinstance(value, list) else value


def _settings(values: Values) -> str:
    return ", ".join(f"{key} = {_short(value)}" for key, value in values.items())


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def table(study: optuna.Study, spec: Study) -> tuple[list[str], list[list[str]]]:
    """All trials, the best first, those without a result last: header and rows."""
    trials = study.get_trials(deepcopy=False)
    sign = -1 if spec.direction == "maximize" else 1
    trials.sort(key=lambda trial: (0, sign * trial.value) if trial.value is not None else (1, trial.number))
    header = [
        "trial",
        "state",
        spec.metric_key,
        *(["spread"] if spec.repeats > 1 else []),
        *spec.space,
        "experiments",
        "reason",
    ]
    rows = []
    for trial in trials:
        attributes = trial.user_attrs
        results = attributes.get("results", [])
        cells = [str(trial.number), trial.state.name.lower(), _short(statistics.fmean(results)) if results else ""]
        if spec.repeats > 1:
            cells.append(f"{statistics.stdev(results):.3g}" if len(results) > 1 else "")
        cells += [_short(attributes.get("values", {}).get(key, "")) for key in spec.space]
        reason = attributes.get("reason", "").strip().splitlines()
        rows.append([*cells, " ".join(attributes.get("experiments", [])), reason[0] if reason else ""])
    return header, rows


def summarise(study: optuna.Study, spec: Study, folder: Path) -> str:
    """Write table.md, table.csv and importances.png to `folder`, and return what to print."""
    header, rows = table(study, spec)
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *_escaped(rows))]
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    said = []
    if complete:
        best = study.best_trial
        results = best.user_attrs["results"]
        spread = (
            f" ± {statistics.stdev(results):.2g} (standard deviation over {len(results)} seeds)"
            if len(results) > 1
            else ""
        )
        said.append(
            f"best of {len(complete)}: trial {best.number}, {spec.metric} = {statistics.fmean(results):.6g}{spread}"
        )
        said += [f"  {key}: {_short(value)}" for key, value in best.user_attrs["values"].items()]
        said.append(f"  to use it: dvc exp apply {best.user_attrs['experiments'][0]}")
    else:
        said.append("no trial has a result: see the reasons in the table")
    said.append(_importances(study, spec, folder / "importances.png"))
    write_csv(folder / "table.csv", header, rows)
    text = "\n".join(lines)
    write_text(folder / "table.md", f"# {spec.name}\n\n" + "\n".join(f"    {line}" for line in said) + f"\n\n{text}\n")
    return f"{text}\n\n" + "\n".join(said)


def _escaped(rows: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    for row in rows:
        yield [cell.replace("|", "\\|") for cell in row]


def _importances(study: optuna.Study, spec: Study, picture: Path) -> str:
    """Draw which parameters made the difference (fANOVA, Hutter et al. 2014); say what was drawn, or why nothing was."""
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    if len(complete) < _FEWEST_FOR_IMPORTANCES:
        return (
            f"importances: expected {_FEWEST_FOR_IMPORTANCES} complete trials or more, got {len(complete)}: no picture"
        )
    if len({trial.value for trial in complete}) == 1:
        return "importances: all trials have the same result: no picture"
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=spec.seed)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    with atomic(picture) as temporary:
        figure, axes = plt.subplots(figsize=(6, 1.2 + 0.4 * len(shares)), layout="constrained")
        names = list(shares)[::-1]
        axes.barh(names, [shares[name] for name in names])
        axes.set(xlim=(0, 1), xlabel=f"share of the variance of {spec.metric_key} (fANOVA)", title=spec.name)
        figure.savefig(temporary, format="png", dpi=100, metadata={"Software": None})
        plt.close(figure)
    return "importances: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()) + f" ({picture})"


def measure_with(experiments: Experiments, spec: Study) -> Measure:
    """How a trial is measured: run the experiment, read the metric from its commit."""

    def measure(name: str, values: Values, report: Report) -> float:
        watch = None
        if spec.pruner is not None:
            reader = _LossReader(name, spec.pruner.training)

            def watch() -> None:
                if any(report(epoch, loss) for epoch, loss in reader.epochs()):
                    raise optuna.TrialPruned

        try:
            commit = experiments.run(name, with_values(experiments.params, values), watch=watch)
        finally:
            if spec.pruner is not None:
                reader.clear()
        return experiments.metric(commit, Path(spec.metric_file), spec.metric_key)

    return measure


class _LossReader:
    """Reads what the trainings of one experiment report (see `textlstm.nn.live`)."""

    def __init__(self, name: str, training: str) -> None:
        self._pattern, self._training, self._seen = f"{name}-{training}-*.jsonl", training, 0

    def epochs(self) -> Iterator[tuple[int, float]]:
        """The epochs that ended since the last call, with their loss."""
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError):  # the live view may have deleted it
            newest = max(live_folder().glob(self._pattern), key=lambda path: path.stat().st_mtime, default=None)
            lines = newest.read_text(encoding="utf-8").split("\n")[:-1] if newest else []
        ends = [entry for line in lines if (entry := json.loads(line)).get("end_of_epoch")]
        for entry in ends[self._seen :]:
            yield entry["epoch"], entry["loss"]
        self._seen = max(self._seen, len(ends))

    def clear(self) -> None:
        """Delete the reports."""
        for path in live_folder().glob(self._pattern):
            path.unlink(missing_ok=True)


def sweep(file: Path, root: Path, stop: threading.Event) -> str:
    """Run what is left of a study and return its summary."""
    spec = load_study(file, read_yaml(root / paths.PARAMS))
    folder, record = study_folder(root, spec.name), record_of(root)
    with alone(folder, spec.name):
        with record_lock(record, root):  # the first use of an empty database is not safe for several
            new = spec.name not in optuna.get_all_study_names(record)
            head = committed(root) if new else git("rev-parse", "HEAD", folder=root)
            study = open_study(spec, record, head)
        baseline = study.user_attrs["baseline"]
        if baseline != head:
            print(
                f"study {spec.name}: goes on from the commit {baseline[:10]} that it began with, not from {head[:10]}",
                flush=True,
            )
        experiments = Experiments(root, spec.name, baseline, stop)
        experiments.recover()
        seed = spec.fixed.get("seed", experiments.params["seed"])
        run_trials(
            *(study, spec, int(str(seed)), measure_with(experiments, spec), stop),
            clone=f"{platform.node()}:{root}",
            alone_in_record=lambda: record_lock(record, root),
        )
        counted = len(
            study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
        )
        summary = summarise(study, spec, folder)
        if stop.is_set():
            summary += f"\ninterrupted: {counted} of {spec.trials} trials are done; the same command goes on"
        return summary


def run_study(file: Path) -> bool:
    """Sweep what is left of a study in the present repository, print its summary, and say whether it was interrupted."""
    optuna.logging.set_verbosity(logging.WARNING)
    root = repository()
    os.environ[ROOT] = str(root)  # where `live_folder` is
    with stop_on_signals() as stop:
        print(sweep(file, root, stop))
    return stop.is_set()
