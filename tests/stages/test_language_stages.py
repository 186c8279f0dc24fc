"""The language stages by hand, in a folder with tiny texts: what they write, and what they say about bad ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stages import (
    check_params,
    draw_calibration,
    draw_words,
    evaluate_language,
    split_language,
    split_others,
    train_background,
    train_ngram,
    vectorize_language,
    vocabulary,
)
from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, read_json, read_text, write_arrays
from textlstm.detection.background import FOREIGN, Background
from textlstm.detection.calibration import Doubt
from textlstm.detection.evidence import Evidence
from textlstm.evaluation.language import GROUPS, evidence_arrays
from textlstm.language.mixture import Counting
from textlstm.language.vocabulary import UNKNOWN, Vocabulary

LEFT, RIGHT = "The cat sat on the mat, and the dog saw it. " * 6, "Le chat est assis, et l’été le chien le voit. " * 6

Workspace = Callable[..., Path]


@pytest.fixture
def prepared(workspace: Workspace) -> Path:
    """A workspace whose texts have been split and turned into ids."""
    folder = workspace()
    _write(folder)
    _prepare()
    return folder


def _write(folder: Path, left: str = LEFT, right: str = RIGHT) -> None:
    (folder / "left.txt").write_text(left, encoding="utf-8")
    (folder / "right.txt").write_text(right, encoding="utf-8")


def _prepare(languages: tuple[str, ...] = ("left", "right")) -> None:
    for language in languages:
        split_language.main(language)
        draw_words.main(language)
    vocabulary.main()
    for language in languages:
        vectorize_language.main(language)


def test_checking_writes_the_same_line_whatever_the_parameters(workspace: Workspace) -> None:
    workspace()
    check_params.main()
    first = paths.CHECKED.read_bytes()
    workspace({"seed": 8})
    check_params.main()
    assert paths.CHECKED.read_bytes() == first


def test_checking_fails_by_name_and_leaves_the_last_good_file(workspace: Workspace) -> None:
    workspace()
    check_params.main()
    workspace({"language_model.unitz": 64})
    with pytest.raises(
        TextLSTMError, match=r"params.yaml: language_model.unitz: unknown key; did you mean language_model.units\?"
    ):
        check_params.main()
    assert paths.CHECKED.exists()


def test_the_parts_of_a_text_are_normal_and_do_not_overlap(prepared: Path) -> None:
    train, heldout = read_text(paths.training_text("right")), read_text(paths.heldout_text("right"))
    assert train.startswith("le chat est assis, et l'été le chien le voit. le chat")
    assert f"{train} {heldout}" == " ".join(RIGHT.lower().replace("’", "'").split())


def test_the_vocabulary_is_of_the_training_texts_alone(workspace: Workspace) -> None:
    _write(workspace(), left=LEFT + "zzz " * 10)
    _prepare()
    known = Vocabulary.load(paths.VOCABULARY)
    assert "z" not in known.characters
    assert set("étchat'") <= set(known.characters)
    arrays = read_arrays(paths.language_vectors("left"))
    assert (arrays["train"] != UNKNOWN).all()
    assert (arrays["heldout"] == UNKNOWN).any()
    assert arrays["train"].dtype == np.uint8
    assert known.decode(arrays["train"]) == read_text(paths.training_text("left"))


def test_running_a_stage_again_gives_the_same_bytes(prepared: Path) -> None:
    written = {path: path.read_bytes() for path in sorted(prepared.rglob("data/**/*")) if path.is_file()}
    _prepare()
    assert {path: path.read_bytes() for path in written} == written


def test_counting_needs_no_network_and_no_tensorflow(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_ngram.main("left")
    assert "bits per character on held-out text" in capsys.readouterr().out
    counting = Counting.load(paths.ngram_model("left"))
    assert counting.text.order == 2
    assert counting.both is None


def test_three_languages_share_one_vocabulary(workspace: Workspace) -> None:
    folder = workspace(languages={"left": "left.txt", "right": "right.txt", "third": "third.txt"})
    _write(folder)
    (folder / "third.txt").write_text("Der Hund sieht über die Straße. " * 10, encoding="utf-8")
    _prepare(("left", "right", "third"))
    assert {"ß", "é"} <= set(Vocabulary.load(paths.VOCABULARY).characters)


def test_a_language_that_was_removed_does_not_linger(workspace: Workspace) -> None:
    folder = workspace(languages={"left": "left.txt", "right": "right.txt", "third": "third.txt"})
    _write(folder)
    (folder / "third.txt").write_text("ß " * 40, encoding="utf-8")
    _prepare(("left", "right", "third"))
    workspace()
    vocabulary.main()
    assert "ß" not in Vocabulary.load(paths.VOCABULARY).characters
    assert sorted(path.name for path in paths.SPLIT_LANGUAGES.iterdir()) == ["left", "right"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "left: the text is too short: 0 words leave 0 characters to learn from, expected at least 2. Give a longer text"),
        (b" \n\t ", "left: the text is too short: 0 words"),
        (b"one two three", "left: the text is too short: 3 words"),
        (
            "Libert\u00e9".encode("latin-1"),
            r"left.txt: expected UTF-8 text, got the byte 0xe9 at offset 6. Save the file as UTF-8",
        ),
        ("text".encode("utf-16"), r"left.txt: expected UTF-8 text, got the byte 0xff at offset 0"),
    ],
    ids=["empty", "white space", "tiny", "latin-1", "utf-16"],
)
def test_a_bad_text_is_named_and_the_last_good_parts_stay(prepared: Path, text: bytes, message: str) -> None:
    good = paths.training_text("left").read_bytes()
    (prepared / "left.txt").write_bytes(text)
    with pytest.raises(TextLSTMError, match=message):
        split_language.main("left")
    assert paths.training_text("left").read_bytes() == good


def test_a_missing_text_is_named(workspace: Workspace) -> None:
    workspace()
    with pytest.raises(TextLSTMError, match=r"left.txt: no such file. Check the path"):
        split_language.main("left")


@pytest.mark.parametrize("main", [split_language.main, draw_words.main])
def test_a_language_that_is_not_in_params_is_named(workspace: Workspace, main: Callable[[str], None]) -> None:
    workspace()
    with pytest.raises(TextLSTMError, match=r"params.yaml: languages: expected one of left, right, got 'klingon'"):
        main("klingon")


def test_heldout_text_of_characters_never_seen_is_told_before_anything_is_written(workspace: Workspace) -> None:
    _write(workspace(), left="ab " * 40 + "ж " * 10)
    _prepare()
    vectors = read_arrays(paths.language_vectors("left"))
    write_arrays(paths.language_vectors("left"), **(vectors | {"heldout": np.full(20, UNKNOWN, dtype=np.uint8)}))
    with pytest.raises(TextLSTMError, match="left: the text to test on has no character that occurs in a text to learn from"):
        train_ngram.main("left")
    assert not paths.ngram_model("left").exists()


def _translations() -> None:
    paths.RAW_UDHR.mkdir(parents=True, exist_ok=True)
    for name in ("deu_1901", "deu_1996", *(f"c{number}" for number in range(20))):
        text = " ".join(f"der {name} hund {number} läuft weg" for number in range(8))
        (paths.RAW_UDHR / f"{name}.txt").write_text(text, encoding="utf-8")


def test_other_languages_are_counted_and_own_ones_left_out(workspace: Workspace) -> None:
    _write(workspace({"background.leave_out": ["deu"]}))
    _prepare()
    _translations()
    split_others.main()
    learn, heldout, unseen = (read_json(paths.other_languages(part)) for part in ("learn", "heldout", "unseen"))
    assert len(learn) + len(unseen) == 20
    assert unseen
    assert heldout.keys() <= learn.keys()
    assert "deu_1901" not in {**learn, **unseen}
    train_background.main()
    known = Background.load(paths.BACKGROUND_MODEL).model.vocabulary.characters
    assert known == (*Vocabulary.load(paths.VOCABULARY).characters, FOREIGN)


def test_without_other_languages_there_is_no_background(workspace: Workspace) -> None:
    _write(workspace())
    _prepare()
    paths.RAW_UDHR.mkdir(parents=True)
    split_others.main()
    with pytest.raises(TextLSTMError, match="background: expected texts of other languages, got none"):
        train_background.main()
    assert not paths.BACKGROUND_MODEL.exists()


def test_the_text_to_calibrate_on_is_training_text_and_fresh_words(workspace: Workspace) -> None:
    folder = workspace({"words.characters": 30, "doubt.characters": 400})
    value = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    value["languages"]["left"]["words"] = "en"
    (folder / "params.yaml").write_text(yaml.safe_dump(value), encoding="utf-8")
    _write(folder)
    paths.RAW_WORDS.mkdir(parents=True)
    words = [f"{first}{second}x" for first in "abcdefgh" for second in "aeiou"]
    (paths.RAW_WORDS / "en.tsv").write_text("".join(f"{word}\t150\n" for word in words), encoding="utf-8")
    _prepare()
    for language in ("left", "right"):
        draw_calibration.main(language)
    left, right = (read_json(paths.calibration_text(language)) for language in ("left", "right"))
    assert left["text"] == read_text(paths.training_text("left"))
    learnt = set(read_text(paths.drawn_words("left")).split())
    assert learnt < set(left["drawn"].split()) <= set(words)
    assert set(left["undrawn"].split()) <= set(words) - learnt
    assert right == {"text": read_text(paths.training_text("right")), "drawn": "", "undrawn": ""}


def _doubt(lengths: tuple[int, ...], languages: int) -> None:
    random = np.random.default_rng(2)
    arrays: dict[str, Any] = {f"{group}_names": np.array(["one", "two", "three"]) for group in GROUPS}
    for length in lengths:
        for group in GROUPS:
            owners = np.repeat(np.arange(languages), 10)
            known = np.full(len(owners), length)
            evidence = Evidence(
                random.normal(size=(len(owners), languages)), random.normal(size=len(owners)), known, 0 * known, known
            )
            arrays |= evidence_arrays(group, length, evidence, owners)
    write_arrays(paths.SCORES_DOUBT, **arrays)
    Doubt(scale=0.5, exponent=0.1, foreign=-8.0, lengths=[1, 5], margins=[1.0, 0.5], threshold=0.6).save(paths.DOUBT)


def _scores(lengths: tuple[int, ...] = (1, 5), languages: int = 2) -> None:
    random = np.random.default_rng(1)
    labels = np.repeat(np.arange(languages), 30)
    arrays = {f"bits_{kind}": np.full(languages, 2.0) for kind in ("mixed", "lstm", "ngram", "counting")}
    for length in lengths:
        arrays[f"label_{length}"] = labels
        for kind in ("mixed", "lstm", "ngram", "counting"):
            arrays[f"{kind}_{length}"] = random.normal(size=(len(labels), languages)) + np.eye(languages)[labels]
    write_arrays(paths.SCORES_LANGUAGE, **arrays)
    _doubt(lengths, languages)


def test_evaluation_writes_metrics_and_plots(workspace: Workspace) -> None:
    workspace()
    _scores()
    evaluate_language.main()
    metrics = json.loads(paths.METRICS_LANGUAGE.read_text())
    assert 0.5 < metrics["auc"] <= 1.0
    assert list(metrics["by_length"]) == ["1", "5"]
    assert paths.plot("roc_language").read_text().startswith("false_positive_rate,true_positive_rate,series\n0,0,detector\n")
    assert paths.plot("reliability_language").read_text().startswith("confidence,accuracy,count,series\n0.")
    assert 0 < metrics["calibration"]["ece"] < 1
    assert list(metrics["doubt"]["by_length"]) == list(metrics["neither"]["by_length"]) == ["1", "5"]


def test_scores_of_an_earlier_state_are_told_and_the_last_good_metrics_stay(workspace: Workspace) -> None:
    workspace()
    _scores()
    evaluate_language.main()
    good = paths.METRICS_LANGUAGE.read_bytes()
    workspace({"score.lengths": [1, 5, 7]})
    with pytest.raises(
        TextLSTMError, match=r"data/scores/language.npz: expected the arrays .*, got none called label_7.* Run 'dvc repro'"
    ):
        evaluate_language.main()
    workspace(languages={"left": "left.txt", "right": "right.txt", "third": "third.txt"})
    with pytest.raises(TextLSTMError, match="the scores are of 2 languages, expected 3: left, right, third"):
        evaluate_language.main()
    assert paths.METRICS_LANGUAGE.read_bytes() == good
