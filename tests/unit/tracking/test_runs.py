"""What an MLflow run holds of the studies, and the outbox: each record becomes one run, whatever it is called and whatever else waits."""

import builtins
import re
import subprocess
import threading
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from tests.unit.tracking.conftest import Entry
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import write_json
from textlstm.tracking import runs
from textlstm.tracking.runs import Record, _file_name, _study_metrics, collect, deliver, post, track
from textlstm.tracking.store import EXPERIMENT, locked


def tracked(root: Path) -> list[tuple[str, str]]:
    """Name and status of the runs, the oldest first."""
    client = mlflow.MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    found = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id], order_by=["start_time"])
    return [(run.info.run_name, run.info.status) for run in found]


def waiting(root: Path) -> list[Path]:
    return sorted((root / ".textlstm" / "outbox").iterdir())


@pytest.mark.parametrize("name", ["l'ete", 'a "b" `c`', "%' or '1", "é中", "n" * 249])
def test_any_name_of_an_experiment_is_tracked_once(checkout: Path, entry: Entry, name: str) -> None:
    for _ in range(2):
        deliver(checkout, entry(checkout, "a", name))
        deliver(checkout, entry(checkout, "a", "another"))
    assert sorted(tracked(checkout)) == sorted([(name, "FINISHED"), ("another", "FINISHED")])
    assert not waiting(checkout)


def test_file_names_for_long_and_strange_names_are_short_and_differ() -> None:
    names = ["n" * 238, "n" * 239, "é" * 120, "l'ete", "l_ete", 'l"ete', "../up", "a/b"]
    made = [_file_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(len(name.encode()) <= 93 and "/" not in name for name in made)


def test_an_experiment_with_a_name_of_238_characters_can_be_posted(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_metric_files", "_curves"):
        monkeypatch.setattr(runs, name, list)
    monkeypatch.setattr(runs, "_studies", dict)
    monkeypatch.setattr(runs, "draw_pictures", lambda *_: [])
    for path in ("dvc.lock", "dvc.yaml", "params.yaml"):
        Path(path).touch()
    runs.paths.PLOTS.mkdir(parents=True)
    record = Record("0" * 64, "n" * 238, {"mlflow.runName": "n" * 238, "textlstm.state": "0" * 64}, {}, [])
    with locked(checkout):
        entry = post(record, checkout)
        assert post(record, checkout) == entry
        assert waiting(checkout) == [entry]
        deliver(checkout, entry)
    assert tracked(checkout) == [("n" * 238, "FINISHED")]


def test_a_record_that_is_not_taken_keeps_no_other_one_back(
    checkout: Path, entry: Entry, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = [
        entry(checkout, "a", figures=[["not a \x00 name?!", 0.5, 0]]),
        entry(checkout, "b", figures=["not a figure"]),
        entry(checkout, "c"),
        entry(checkout, "d"),
    ]
    (refused[2] / "run.json").write_text("half of a rec", encoding="utf-8")
    write_json(refused[3] / "run.json", {"from": "another version"})
    last = entry(checkout, "z")
    for _ in range(2):  # what is refused is tried again, and leaves no trail of failed runs
        deliver(checkout, last)
        said = capsys.readouterr()
        assert re.fullmatch(r"mlflow: (already )?tracked as run \w+, z\n", said.out)
        assert [line.split(": MLflow did not take")[0] for line in said.err.splitlines()] == [
            f"track: {path}" for path in refused
        ]
        assert waiting(checkout) == refused
        last = entry(checkout, "z")
    assert len([name for name, status in tracked(checkout) if status == "FAILED"]) == 2
    with pytest.raises(TextLSTMError, match=rf"cannot track .* waits in {refused[1]}\. Repair"):
        deliver(checkout, refused[1])


def test_when_the_store_is_down_it_is_asked_once(checkout: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    for state in "abcd":
        own = entry(checkout, state)
    asked = []

    def down(*words: object) -> str:
        asked.append(words)
        raise MlflowException("gone")

    monkeypatch.setattr(runs, "_deliver_one", down)
    monkeypatch.setattr(mlflow.MlflowClient, "get_experiment", down)
    with pytest.raises(
        TextLSTMError, match=r"cannot track \(MlflowException: gone\)\. No result is lost: .*outbox\. Repair"
    ):
        deliver(checkout, own)
    assert len(asked) == 2
    assert len(waiting(checkout)) == 4


def test_what_was_delivered_is_not_delivered_again_by_halves(
    checkout: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            deliver(checkout, entry(checkout, "a"))
    deliver(checkout, entry(checkout, "b"))
    assert tracked(checkout) == [("a", "FINISHED"), ("b", "FINISHED")]
    assert not waiting(checkout)


def test_of_two_that_track_at_once_one_waits(
    checkout: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one posts only when the first one has taken its entry out: nobody deletes what another has just posted."""
    posted, at_work, failed = [], threading.Event(), []
    go_on = threading.Event()

    def slow(*words: Path) -> str:
        at_work.set()
        assert go_on.wait(60)
        return "tracked"

    def posting(record: str, root: Path, about: str) -> Path:
        posted.append(record)
        return entry(root, "a")

    monkeypatch.setattr(runs, "collect", lambda: "record")
    monkeypatch.setattr(runs, "collect_about", lambda: "about")
    monkeypatch.setattr(runs, "post", posting)
    monkeypatch.setattr(runs, "mark_tracked", lambda _: None)
    monkeypatch.setattr(runs, "_deliver_one", lambda *_: slow())

    def work() -> None:
        try:
            track()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    threads[0].start()
    assert at_work.wait(60)
    threads[1].start()
    threads[1].join(0.5)
    assert posted == ["record"]
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert posted == ["record"] * 2
    assert not waiting(checkout)
    assert "is tracking or promoting; waiting for it" in capsys.readouterr().err


def test_a_checkout_of_another_user_is_not_taken_for_one_without_changes(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    Path("dvc.lock").write_text("stages: {one: {cmd: x}}", encoding="utf-8")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(TextLSTMError, match=r"dubious ownership .* safe\.directory"):
        collect()


def test_of_a_spread_only_the_headline_is_tracked() -> None:
    figure = {"mean": 0.9, "standard_deviation": 0.01, "least": 0.89, "largest": 0.91}
    other = dict.fromkeys(figure, 0.5)
    summary = {"detector": {"auc": figure, "accuracy": other}, "lstm": {"auc": other, "accuracy": other}}
    studies = {"spread": {"language": {"summary": summary}}, "learning_curve": {"imdb": {"points": []}}}
    assert _study_metrics(studies) == [
        ("spread.language.auc.mean", 0.9, 0),
        ("spread.language.auc.standard_deviation", 0.01, 0),
        ("spread.language.accuracy.mean", 0.5, 0),
        ("spread.language.accuracy.standard_deviation", 0.5, 0),
    ]
    assert _study_metrics({}) == []


def test_what_was_being_written_when_a_process_was_killed_is_deleted(checkout: Path, entry: Entry) -> None:
    outbox = checkout / ".textlstm" / "outbox"
    for name in (".a.4194305.x1_abcde.tmp", ".a.4194305.x1_abcde.old"):  # no process has such a number
        (outbox / name / "files").mkdir(parents=True)
    deliver(checkout, entry(checkout, "a"))
    assert not waiting(checkout)


def test_a_run_lasts_as_long_as_what_it_records(checkout: Path, entry: Entry) -> None:
    own = entry(checkout, "a")
    write_json(own / "about.json", {"note": "a note", "datasets": [], "models": {}, "began": 1000, "ended": 61_000})
    deliver(checkout, own)
    client = mlflow.MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    assert (run.info.start_time, run.info.end_time) == (1000, 61_000)
    assert run.data.tags["mlflow.note.content"].startswith("a note\n![")


def test_a_reader_that_has_gone_is_no_fault_of_mlflow(
    checkout: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    own = entry(checkout, "a")
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "print", gone)
        with pytest.raises(BrokenPipeError):
            deliver(checkout, own)
    deliver(checkout, own)
    assert "already tracked as run" in capsys.readouterr().out
    assert tracked(checkout) == [("a", "FINISHED")]
