"""Named experiments: every file is in order before anybody runs it, and a wrong one says so."""

from pathlib import Path

import pytest

from tests.yaml12 import loaded
from textlstm.__main__ import main
from textlstm.core.params import Params, check_params, merged

ROOT = Path(__file__).parents[3]
PARAMS = loaded((ROOT / "params.yaml").read_text(encoding="utf-8"))
FILES = sorted((ROOT / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_experiment_is_in_order(path: Path) -> None:
    experiment = loaded(path.read_text(encoding="utf-8"))
    assert set(experiment) == {"title", "published", "metrics", "params"}
    assert experiment["metrics"] in {"metrics/language.json", "metrics/imdb.json"}
    assert isinstance(check_params(merged(PARAMS, experiment["params"]), path.name), Params)


def test_the_tutorials_are_as_written() -> None:
    seed = {path.stem: merged(PARAMS, loaded(path.read_text(encoding="utf-8"))["params"]) for path in FILES}
    article, tutorial, simple = (seed[name] for name in ("seed_language", "seed_imdb", "seed_simple"))
    assert [article["language_model"][key] for key in ("target", "window", "units", "epochs", "batch")] == [
        "after_window",
        5,
        128,
        5,
        128,
    ]
    assert [tutorial["imdb"][key] for key in ("length", "embedding", "units", "batch", "epochs")] == [
        500,
        32,
        100,
        128,
        2,
    ]
    assert (tutorial["vectorize"]["words"], tutorial["imdb"]["protocol"], tutorial["imdb"]["bucketed"]) == (
        5000,
        "official",
        False,
    )
    assert [simple["imdb"][key] for key in ("embedding", "units", "dropout", "batch", "epochs")] == [
        256,
        128,
        0.5,
        16,
        10,
    ]
    assert (simple["vectorize"]["words"], simple["imdb"]["optimizer"]) == (1024, "rmsprop")


def test_an_unknown_experiment_is_told_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["experiment", "seed_imbd"]) == 1
    assert "seed_imdb" in capsys.readouterr().err


def test_without_a_name_they_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["experiment"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [path.stem for path in FILES]
