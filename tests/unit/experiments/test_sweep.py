"""Studies are checked before anything runs, and every trial is counted once: with a function in the place of DVC experiments."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tests.yaml12 import dumped, loaded
from textlstm.core.config import at
from textlstm.core.errors import TextLSTMError
from textlstm.experiments.runner import ExperimentFailedError, StoppedError
from textlstm.experiments.study import Study, Values, load_study
from textlstm.experiments.sweep import Report as ReportLoss
from textlstm.experiments.sweep import open_study, record_of, run_trials, summarise, table
from textlstm.nn.live import Report

PROJECT = Path(__file__).parents[3]
PARAMS = loaded((PROJECT / "params.yaml").read_text(encoding="utf-8"))
GOOD: dict[str, Any] = {
    "name": "units",
    "metric": "metrics/language.json:auc",
    "direction": "maximize",
    "trials": 8,
    "space": {
        "language_model.units": {"choice": [32, 64]},
        "language_model.learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "language_model.window": {"low": 2, "high": 8, "step": 3},
    },
}


def load(folder: Path, **changes: Any) -> Study:
    path = folder / "study.yaml"
    path.write_text(dumped({key: value for key, value in {**GOOD, **changes}.items() if value is not None}))
    return load_study(path, PARAMS)


@pytest.mark.parametrize("path", sorted((PROJECT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_ready_made_studies_are_in_order(path: Path) -> None:
    study = load_study(path, PARAMS)
    assert study.name == path.stem.replace("_", "-")
    metrics = json.loads((PROJECT / study.metric_file).read_text())
    assert isinstance(at(metrics, study.metric_key), float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trails": 3}, "trails: unknown key; did you mean trials"),
        ({"direction": None}, "direction: missing"),
        ({"trials": 0}, "trials: input should be greater than or equal to 1, got 0"),
        ({"name": "A b"}, "name: string should match"),
        ({"metric": "language.json"}, "metric: string should match"),
        ({"space": {}}, "space: dictionary should have at least 1 item"),
        (
            {"space": {"language_model.unit": {"choice": [1]}}},
            r"language_model\.unit: no such parameter .* did you mean language_model\.units",
        ),
        ({"fixed": {"sed": 1}}, r"fixed\.sed: no such parameter in params\.yaml; did you mean seed"),
        ({"space": {"language_model.units": {"choice": [64, 0]}}}, r"space\.language_model\.units: .* got 0"),
        ({"space": {"language_model.units": {"choice": [1.5]}}}, r"space\.language_model\.units: .* got 1\.5"),
        ({"space": {"language_model.units": {"low": 1, "high": 4096}}}, r"space\.language_model\.units: .* got 4096"),
        ({"space": {"language_model.units": {"low": 1.0, "high": 2.5}}}, "expected whole numbers"),
        ({"space": {"language_model.output": {"low": 1, "high": 2}}}, r"a range needs a number, .* Write choice"),
        ({"space": {"language_model.units": {"low": 9, "high": 3}}}, "expected low < high, got 9 and 3"),
        (
            {"space": {"language_model.units": {"low": 1, "high": 3, "log": True, "step": 1}}},
            "log needs low > 0 and no step",
        ),
        ({"space": {"language_model.units": {"low": 1, "hihg": 3}}}, r"hihg: unknown key; did you mean .*\.high"),
        ({"space": {"language_model.learning_rate": {"choice": ["1e-05"]}}}, "write the number without quotes"),
        ({"fixed": {"language_model.units": 3}}, "stands in space and in fixed"),
        ({"repeats": 2, "space": {"seed": {"low": 1, "high": 3}}}, "repeats vary the seed already"),
        ({"sampler": "grid"}, "a grid needs a step for every range"),
        ({"sampler": "grid", "space": {"seed": {"choice": [1, 2]}}}, "the grid has 2 points, got 8 trials"),
        ({"pruner": {"training": "train_imdb", "warm": 3}}, r"pruner\.warm: unknown key; did you mean pruner\.warmup"),
    ],
)
def test_a_wrong_study_is_refused_with_what_to_do(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TextLSTMError, match=message):
        load(tmp_path, **changes)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(dumped(GOOD) + "trials: 9\n")
    with pytest.raises(TextLSTMError, match="'trials' stands twice"):
        load_study(path, PARAMS)


class Runner:
    """In the place of DVC: remembers experiments by name, as refs do, and fails or is interrupted where it is told to."""

    def __init__(self, stop: threading.Event, *, interrupt_after: int | None = None, fail: str = "") -> None:
        self.stop, self.left, self.fail = stop, interrupt_after, fail
        self.experiments: dict[str, Values] = {}
        self.calls: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, name: str, values: Values, report: ReportLoss) -> float:
        with self.lock:
            self.calls.append(name)
            if self.left is not None:
                if self.left == 0:
                    self.stop.set()
                    raise StoppedError
                self.left -= 1
            if name == self.fail:
                raise ExperimentFailedError("out of memory\nexit status 1")
            assert self.experiments.setdefault(name, values) == values
        return float(str(values["language_model.learning_rate"])) + float(str(values.get("seed", 0)))


STORES: dict[Path, optuna.storages.InMemoryStorage] = {}  # what is in a store outlives a sweep, as a database does


def open_in(folder: Path, spec: Study) -> optuna.Study:
    return open_study(spec, STORES.setdefault(folder, optuna.storages.InMemoryStorage()), "0" * 40)


def test_values_stay_within_the_space(tmp_path: Path) -> None:
    spec, stop = load(tmp_path, sampler="random", trials=30), threading.Event()
    runner = Runner(stop)
    run_trials(open_in(tmp_path, spec), spec, 7, runner, stop)
    values = list(runner.experiments.values())
    assert {each["language_model.units"] for each in values} == {32, 64}
    assert {each["language_model.window"] for each in values} == {2, 5, 8}
    rates = [float(str(each["language_model.learning_rate"])) for each in values]
    assert all(0.001 <= rate <= 0.1 for rate in rates)
    assert 8 <= sum(rate < 0.01 for rate in rates) <= 22  # half of a logarithmic range lies below its middle
    assert list(runner.experiments) == [f"units-{number}" for number in range(30)]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_an_interrupted_study_counts_each_trial_once(tmp_path: Path, sampler: str, jobs: int) -> None:
    spec = load(tmp_path, sampler=sampler, jobs=jobs)
    experiments: dict[str, Values] = {}
    for interrupt_after in (2, 3, None):
        stop = threading.Event()
        runner = Runner(stop, interrupt_after=interrupt_after)
        runner.experiments = experiments
        run_trials(open_in(tmp_path, spec), spec, 7, runner, stop)
    study = open_in(tmp_path, spec)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 8
    assert sorted(experiments) == [f"units-{number}" for number in range(8)]
    for trial in study.trials:
        assert trial.params == experiments[f"units-{trial.number}"]
    assert (
        len({json.dumps(values) for values in experiments.values()}) == 8
    )  # going on does not draw the first trials again


def test_random_trials_are_the_same_with_and_without_an_interruption(tmp_path: Path) -> None:
    drawn = []
    for name, interruptions in (("a", [None]), ("b", [3, None])):
        folder = tmp_path / name
        folder.mkdir()
        spec = load(folder, sampler="random")
        for interrupt_after in interruptions:
            stop = threading.Event()
            run_trials(open_in(folder, spec), spec, 7, Runner(stop, interrupt_after=interrupt_after), stop)
        drawn.append([trial.params for trial in open_in(folder, spec).trials])
    assert drawn[0] == drawn[1]


def test_a_trial_that_was_killed_before_its_values_were_drawn_is_taken_up(tmp_path: Path) -> None:
    spec, stop = load(tmp_path, trials=2), threading.Event()
    open_in(tmp_path, spec).ask()
    run_trials(open_in(tmp_path, spec), spec, 7, Runner(stop), stop)
    assert [trial.state for trial in open_in(tmp_path, spec).trials] == [TrialState.COMPLETE] * 2


def test_a_grid_visits_every_point_once(tmp_path: Path) -> None:
    space = {
        "language_model.units": {"choice": [32, 64]},
        "score.lengths": {"choice": [[5], [5, 9]]},
        "language_model.learning_rate": {"low": 0.1, "high": 0.3, "step": 0.1},
    }
    spec = load(tmp_path, sampler="grid", trials=12, space=space)
    experiments: dict[str, Values] = {}
    for interrupt_after in (5, None):
        stop = threading.Event()
        runner = Runner(stop, interrupt_after=interrupt_after)
        runner.experiments = experiments
        run_trials(open_in(tmp_path, spec), spec, 7, runner, stop)
    assert [experiments[f"units-{number}"] for number in range(12)] == [
        spec.point(number) for number in range(spec.points)
    ]


def test_a_failed_trial_is_counted_with_its_reason(tmp_path: Path) -> None:
    spec, stop = load(tmp_path, trials=4), threading.Event()
    runner = Runner(stop, fail="units-1")
    study = open_in(tmp_path, spec)
    run_trials(study, spec, 7, runner, stop)
    run_trials(study, spec, 7, runner, stop)
    assert runner.calls == [f"units-{number}" for number in range(4)]
    assert study.trials[1].state == TrialState.FAIL
    header, rows = table(study, spec)
    assert rows[-1][header.index("trial")] == "1"
    assert rows[-1][header.index("reason")] == "out of memory"


def test_a_fault_that_is_not_the_trials_ends_the_sweep_and_counts_nothing(tmp_path: Path) -> None:
    spec, stop = load(tmp_path), threading.Event()

    def measure(name: str, values: Values, report: ReportLoss) -> float:
        raise TextLSTMError("experiment units-0: there is one already, with other parameters")

    study = open_in(tmp_path, spec)
    with pytest.raises(TextLSTMError, match="there is one already"):
        run_trials(study, spec, 7, measure, stop)
    assert stop.is_set()
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING]


def test_repeats_give_mean_and_spread(tmp_path: Path) -> None:
    spec, stop = load(tmp_path, trials=2, repeats=3), threading.Event()
    runner, study = Runner(stop), open_in(tmp_path, spec)
    run_trials(study, spec, 7, runner, stop)
    assert sorted(runner.experiments) == [f"units-{number}-s{seed}" for number in (0, 1) for seed in (7, 8, 9)]
    rate = study.trials[0].params["language_model.learning_rate"]
    assert study.trials[0].value == pytest.approx(rate + 8)
    header, rows = table(study, spec)
    assert [row[header.index("spread")] for row in rows] == ["1", "1"]


def test_the_pruner_sees_losses_the_right_way_round(tmp_path: Path) -> None:
    """The metric grows, a loss falls: the trial with the higher loss is the one to stop."""
    spec, stop = (
        load(tmp_path, trials=3, pruner={"training": "train_imdb", "startup": 2, "warmup": 0}),
        threading.Event(),
    )
    losses = {"units-0": 0.5, "units-1": 0.4, "units-2": 0.9}

    def measure(name: str, values: Values, report: ReportLoss) -> float:
        if report(1, losses[name]):
            raise optuna.TrialPruned
        return -losses[name]

    study = open_in(tmp_path, spec)
    run_trials(study, spec, 7, measure, stop)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED]


def test_a_study_that_asks_another_question_is_not_gone_on_with(tmp_path: Path) -> None:
    open_in(tmp_path, load(tmp_path))
    open_in(tmp_path, load(tmp_path, trials=20, jobs=4))
    with pytest.raises(TextLSTMError, match="seed, fixed changed since its first trials"):
        open_in(tmp_path, load(tmp_path, seed=5, fixed={"ngram.order": 3}))


@pytest.mark.slow
def test_the_summary_names_the_best_and_draws_importances(tmp_path: Path) -> None:
    spec, stop = load(tmp_path, sampler="random", trials=12), threading.Event()
    study = open_in(tmp_path, spec)
    run_trials(study, spec, 7, Runner(stop), stop)
    text = summarise(study, spec, tmp_path / "out")
    best = max(study.trials, key=lambda trial: trial.params["language_model.learning_rate"])
    assert f"dvc exp apply units-{best.number}\n" in text
    assert "importances: language_model.learning_rate" in text  # which is all that the metric depends on
    assert (tmp_path / "out" / "importances.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "table.csv").read_text().splitlines()[1].startswith(f"{best.number},complete,")
    assert (tmp_path / "out" / "table.md").read_text().count("| complete |") == 12


def test_too_few_trials_have_no_importances(tmp_path: Path) -> None:
    spec, stop = load(tmp_path, trials=2), threading.Event()
    study = open_in(tmp_path, spec)
    run_trials(study, spec, 7, Runner(stop), stop)
    assert "expected 3 complete trials or more, got 2: no picture" in summarise(study, spec, tmp_path / "out")
    assert not (tmp_path / "out" / "importances.png").exists()


def test_a_report_holds_what_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTLSTM_LIVE", "file")
    monkeypatch.setenv("TEXTLSTM_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_STAGE", "train_language@english")
    monkeypatch.setenv("DVC_EXP_NAME", "units-3")
    report = Report()
    report.step(1, 1, 0.5)  # too soon after the beginning to be written
    report.epoch(1, 10, 0.25)
    report.close(done=True)
    path = tmp_path / ".textlstm" / "live" / f"units-3-train_language@english-{os.getpid()}.jsonl"
    about, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert (about["stage"], about["experiment"]) == ("train_language@english", "units-3")
    assert lines == [{"epoch": 1, "step": 10, "loss": 0.25, "end_of_epoch": True}, {"done": True}]


def test_a_report_is_off_by_default_and_never_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTLSTM_LIVE", raising=False)
    monkeypatch.setenv("TEXTLSTM_ROOT", str(tmp_path))
    Report().epoch(1, 1, 0.5)
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("TEXTLSTM_LIVE", "1")
    (tmp_path / ".textlstm").write_text("a file where the folder should be")
    report = Report()
    report.epoch(1, 1, 0.5)
    report.close(done=True)
    assert (tmp_path / ".textlstm").is_file()


@pytest.mark.parametrize("path", sorted((PROJECT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_metric_of_a_committed_study_is_in_its_file(path: Path) -> None:
    study = load_study(path, PARAMS)
    metrics = json.loads((PROJECT / study.metric_file).read_text(encoding="utf-8"))
    assert isinstance(at(metrics, study.metric_key), float)


@pytest.mark.parametrize("named", ["sqlite:///studies.db", "sqlite:////repository/studies.db"])
def test_a_relative_record_lies_in_the_repository(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTLSTM_STUDIES", named)
    assert record_of(Path("/repository")) == "sqlite:////repository/studies.db"
