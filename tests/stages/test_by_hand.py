"""Stages run by hand, before their inputs exist and on tiny ones; some as a user runs them, `python -m stages.X`."""

import ast
import importlib
import importlib.util
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, read_text, write_text
from textlstm.core.parquet import write_parquet
from textlstm.data.reviews import reviews_table

ROOT = Path(__file__).resolve().parents[2]

Workspace = Callable[..., Path]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a stage in the working directory."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", f"stages.{words[0]}", *words[1:]]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def assert_one_message(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def call(*words: str) -> None:
    """Run a stage in this process: what imports TensorFlow takes seconds to start."""
    importlib.import_module(f"stages.{words[0]}").main(*words[1:])


def assert_told(message: str, *words: str) -> None:
    with pytest.raises(TextLSTMError) as caught:
        call(*words)
    assert f"{words[0]}: {caught.value}".startswith(message)


BEFORE_INPUTS = [
    (("split_language", "left"), "split_language: left.txt: no such file. Check the path"),
    (("split_imdb",), "split_imdb: data/raw/imdb.parquet: no such file. Run 'dvc repro' (or 'make repro') to make it"),
    (("vectorize_language",), "vectorize_language: data/split/language/left/train.txt: no such file. Run 'dvc repro'"),
    (("vectorize_imdb",), "vectorize_imdb: data/split/imdb/train.parquet: no such file. Run 'dvc repro'"),
    (("train_ngram", "left"), "train_ngram: data/vectors/language/left.npz: no such file. Run 'dvc repro'"),
    (("train_nbsvm",), "train_nbsvm: data/split/imdb/train.parquet: no such file. Run 'dvc repro'"),
    (("split_others",), "split_others: data/raw/udhr: no such file. Run 'dvc repro'"),
    (("train_background",), "train_background: data/split/others/learn.json: no such file. Run 'dvc repro'"),
    (("draw_words", "left"), "draw_words: data/split/language/left/train.txt: no such file. Run 'dvc repro'"),
    (("calibrate_detector",), "calibrate_detector: data/calibration/left.json: no such file. Run 'dvc repro'"),
    (("evaluate_language",), "evaluate_language: data/scores/language.npz: no such file. Run 'dvc repro'"),
    (("evaluate_imdb",), "evaluate_imdb: data/scores/imdb.npz: no such file. Run 'dvc repro'"),
    (("train_language", "left"), "train_language: data/vectors/characters.json: no such file. Run 'dvc repro'"),
    (("train_imdb",), "train_imdb: data/vectors/imdb/reviews.npz: no such file. Run 'dvc repro'"),
    (("score_language",), "score_language: models/language/left/config.json: no such file. Run 'dvc repro'"),
    (("score_imdb",), "score_imdb: data/split/imdb/train.parquet: no such file. Run 'dvc repro'"),
]


@pytest.mark.parametrize(("words", "message"), BEFORE_INPUTS, ids=[words[0] for words, _ in BEFORE_INPUTS])
def test_a_stage_before_its_inputs(workspace: Workspace, words: tuple[str, ...], message: str) -> None:
    folder = workspace()
    before = sorted(folder.rglob("*"))
    assert_told(message, *words)
    assert sorted(folder.rglob("*")) == before


def test_a_program_before_its_inputs(workspace: Workspace) -> None:
    workspace()
    assert_one_message(run("split_language", "left"), "split_language: left.txt: no such file. Check the path")


@pytest.mark.slow
def test_a_program_with_a_network_before_its_inputs(workspace: Workspace) -> None:
    workspace()
    assert_one_message(
        run("train_language", "left"), "train_language: data/vectors/characters.json: no such file. Run 'dvc repro'"
    )


def test_a_stage_outside_a_checkout_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert_one_message(run("check_params"), "check_params: params.yaml: no such file. Check the path")


def test_a_wrong_parameter_ends_a_stage_by_name(workspace: Workspace) -> None:
    workspace({"language_model.learning_rate": "1e-3"})
    assert_one_message(run("check_params"), "write the number without quotes")
    assert not paths.CHECKED.exists()


def test_a_missing_word_ends_a_stage_with_its_usage(workspace: Workspace) -> None:
    workspace()
    done = run("split_language")
    assert done.returncode == 2
    assert (
        done.stderr
        == "split_language: expected 1 argument(s), got 0. Usage: python -m stages.split_language LANGUAGE\n"
    )


TEXT = {
    "left": "The cat sat on the mat and the dog saw it. " * 5,
    "right": "Le chat est assis et le chien le voit là. " * 5,
}


@pytest.mark.slow
def test_the_language_stages_one_after_another(workspace: Workspace) -> None:
    folder = workspace()
    for language, text in TEXT.items():
        (folder / f"{language}.txt").write_text(text, encoding="utf-8")
    paths.RAW_UDHR.mkdir(parents=True)
    for name in (f"c{number}" for number in range(12)):
        (paths.RAW_UDHR / f"{name}.txt").write_text(
            "Der Hund läuft über die Straße, жук ползёт. " * 5, encoding="utf-8"
        )
    stages = [(stage, name) for stage in ("split_language", "draw_words") for name in TEXT]
    stages += [("check_params",), ("vectorize_language",), ("split_others",), ("train_background",)]
    stages += [(stage, name) for stage in ("train_language", "train_ngram") for name in TEXT]
    stages += [("compile_detector",), ("calibrate_detector",), ("score_language",), ("evaluate_language",)]
    for words in stages:
        call(*words)
    assert paths.curve("left").read_text().startswith("epoch,loss\n1,")
    header, *rows = paths.plot("conditional_probabilities").read_text().splitlines()
    assert header.startswith("string,given,character,")
    assert {tuple(row.split(",")[:3]) for row in rows} == {
        ("abc", "<start>", "a"),
        ("abc", "<start>a", "b"),
        ("abc", "<start>ab", "c"),
    }

    compiled = [(paths.TABLE / "table.npz").read_bytes(), paths.ABSTENTION.read_bytes()]
    call("compile_detector")
    call("calibrate_detector")
    assert [(paths.TABLE / "table.npz").read_bytes(), paths.ABSTENTION.read_bytes()] == compiled

    good = paths.SCORES_LANGUAGE.read_bytes(), (paths.language_model("left") / "weights.npz").read_bytes()
    heldout = paths.heldout_text("left").read_text()

    write_text(paths.heldout_text("left"), heldout[:4])  # shorter than the longest window
    message = (
        "score_language: left: the held-out text has 4 characters, expected at least 5, the longest of score.lengths"
    )
    assert_told(message, "score_language")

    write_text(paths.heldout_text("left"), "жжжжжжжжж")
    message = "score_language: left: the text to test on has no character that occurs in a text to learn from"
    assert_told(message, "score_language")

    write_text(paths.heldout_text("left"), heldout[:20] + "ж" * 20)  # most of it says nothing
    call("score_language")
    scores = read_arrays(paths.SCORES_LANGUAGE)["detector_5"]
    np.testing.assert_array_equal(scores[20:36], np.zeros((16, 2)))  # no language is likelier than another

    write_text(paths.heldout_text("left"), heldout)
    call("score_language")
    assert paths.SCORES_LANGUAGE.read_bytes() == good[0]

    characters = len(read_text(paths.training_text("left")))
    workspace({"language_model.window": 200})
    message = f"train_language: left: the text to learn from has {characters} characters, expected more than"
    assert_told(message, "train_language", "left")
    workspace()
    for broken in (b"", (paths.language_model("left") / "weights.npz").read_bytes()[:500]):
        (paths.language_model("right") / "weights.npz").write_bytes(broken)
        assert_told("score_language: models/language/right/weights.npz: expected arrays (.npz)", "score_language")
    assert (paths.language_model("left") / "weights.npz").read_bytes() == good[1]


@pytest.mark.slow
def test_the_sentiment_stages_one_after_another(workspace: Workspace) -> None:
    workspace()
    words = {0: "bad awful", 1: "good great"}
    reviews = [
        {"part": "train", "label": label, "text": f"a {words[label]} film {n}"} for label in words for n in range(20)
    ]
    write_parquet(paths.RAW_IMDB, reviews_table(reviews))
    for stage in (
        "check_params",
        "split_imdb",
        "vectorize_imdb",
        "train_imdb",
        "train_nbsvm",
        "calibrate_sentiment",
        "score_imdb",
        "evaluate_imdb",
    ):
        if stage == "train_imdb":
            done = run(stage)
            assert (done.returncode, done.stderr) == (0, "")
            assert "parameters, loss" in done.stdout
        else:
            call(stage)
    good = paths.SCORES_IMDB.read_bytes()
    reviews[0]["text"] = " "
    table = reviews_table(reviews)
    write_parquet(paths.TEST_IMDB, table)
    number = table.index[table["text"] == " "][0] + 1
    assert_told(f"score_imdb: review {number}: expected words, got none in ' '. Give at least one word", "score_imdb")
    assert paths.SCORES_IMDB.read_bytes() == good


def test_a_python_without_the_packages_is_told_how_to_get_them() -> None:
    """`-S` leaves out the packages of the environment, as another Python on the PATH would."""
    command = [sys.executable, "-S", "-m", "stages.check_params"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert_one_message(done, "Activate the environment: source .venv/bin/activate")
    version = "{}.{}".format(*sys.version_info)
    assert (
        f"got Python {version} ({sys.executable}), packages missing: configobj, dvc, filelock, keras, " in done.stderr
    )


def test_a_python_that_lacks_one_of_the_packages_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def spec(name: str) -> object:
        return None if name == "msgpack" else name

    monkeypatch.setattr(importlib.util, "find_spec", spec)
    with pytest.raises(
        SystemExit, match=r"packages missing: msgpack\. Activate the environment: source \.venv/bin/act"
    ):
        runpy.run_path(str(ROOT / "stages" / "__init__.py"))


def test_every_package_that_the_stages_import_is_looked_for() -> None:
    text = (ROOT / "stages" / "__init__.py").read_text(encoding="utf-8")
    foreign = {
        name.split(".")[0]
        for folder in ("stages", "textlstm")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent.name != "page"  # which no stage imports
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    foreign -= {"ray", "textlstm", "stages", *sys.stdlib_module_names}  # Ray is an extra of its own
    assert foreign
    assert not {name for name in foreign if f'"{name}"' not in text}


def test_an_old_python_is_told_even_with_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 1, "final", 0))
    with pytest.raises(
        SystemExit, match=r"expected Python 3\.11 or later .*, got Python 3\.8 .*, packages missing: none\."
    ):
        runpy.run_path(str(ROOT / "stages" / "__init__.py"))
