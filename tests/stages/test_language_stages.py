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
    draw_words,
    evaluate_language,
    split_language,
    split_others,
    train_background,
    train_ngram,
    vectorize_language,
)
from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, read_json, read_sealed, read_text, write_arrays
from textlstm.core.settings import DetectionSettings
from textlstm.detection.abstention import Abstention
from textlstm.detection.background import FOREIGN, Background
from textlstm.detection.evidence import Evidence
from textlstm.detection.heldout import GROUPS, NOISE, NOISE_LENGTHS, SYSTEMS, evidence_arrays
from textlstm.language.mixture import NgramMixture
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
    vectorize_language.main()


def test_checking_writes_the_same_line_whatever_the_parameters(workspace: Workspace) -> None:
    workspace()
    check_params.main()
    first = paths.CHECKED.read_bytes()
    workspace({"seed": 8})
    check_params.main()
    assert paths.CHECKED.read_bytes() == first


def test_checking_writes_what_decides_answers(workspace: Workspace) -> None:
    workspace({"ngram.weight": 0.25, "abstention.threshold": 0.7})
    check_params.main()
    assert read_sealed(paths.DETECTION_SETTINGS, DetectionSettings) == DetectionSettings(["left", "right"], 0.25, 0.7)
    path = paths.DETECTION_SETTINGS
    path.write_text(path.read_text(encoding="utf-8").replace("0.", "0.1"), encoding="utf-8")
    with pytest.raises(TextLSTMError, match="its values do not fit its digest: it was altered"):
        read_sealed(path, DetectionSettings)


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
    assert set(arrays) == {"text", "words"}
    assert (arrays["text"] != UNKNOWN).all()
    assert arrays["text"].dtype == np.uint8
    assert known.decode(arrays["text"]) == read_text(paths.training_text("left"))


def test_running_a_stage_again_gives_the_same_bytes(prepared: Path) -> None:
    written = {path: path.read_bytes() for path in sorted(prepared.rglob("data/**/*")) if path.is_file()}
    _prepare()
    assert {path: path.read_bytes() for path in written} == written


def test_counting_needs_no_drawn_words(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_ngram.main("left")
    assert "strings counted in the text" in capsys.readouterr().out
    ngrams = NgramMixture.load(paths.ngram_model("left"))
    assert ngrams.text.order == 2
    assert ngrams.with_words is None


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
    vectorize_language.main()
    assert "ß" not in Vocabulary.load(paths.VOCABULARY).characters
    assert sorted(path.name for path in paths.SPLIT_LANGUAGES.iterdir()) == ["left", "right"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b"",
            "left: the text is too short: 0 words leave 0 characters to learn from, expected at least 2. Give a longer text",
        ),
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


def test_an_unknown_code_of_a_list_of_words_is_told_which_there_are(workspace: Workspace) -> None:
    for code in ("xx", "fr"):
        folder = workspace({"words.characters": 100, "languages.left.words": code, "languages.right.words": "en"})
        _write(folder)
        split_language.main("left")
        paths.RAW_WORDS.mkdir(parents=True, exist_ok=True)
        for known in ("en", "fr", "fil"):
            (paths.RAW_WORDS / f"{known}.tsv").write_text("the\t100\ncat\t200\n", encoding="utf-8")
        if code == "fr":
            draw_words.main("left")
            continue
        with pytest.raises(TextLSTMError) as caught:
            draw_words.main("left")
        assert str(caught.value) == (
            "params.yaml: languages: words: expected one of the 3 codes en, fil, fr, or \"\" for none, got 'xx'"
        )


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
    folder = workspace({"words.characters": 30, "abstention.characters": 400})
    value = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    value["languages"]["left"]["words"] = "en"
    (folder / "params.yaml").write_text(yaml.safe_dump(value), encoding="utf-8")
    _write(folder)
    paths.RAW_WORDS.mkdir(parents=True)
    words = [f"{first}{second}x" for first in "abcdefgh" for second in "aeiou"]
    (paths.RAW_WORDS / "en.tsv").write_text("".join(f"{word}\t150\n" for word in words), encoding="utf-8")
    _prepare()
    left, right = (read_json(paths.calibration_text(language)) for language in ("left", "right"))
    assert left["text"] == read_text(paths.training_text("left"))
    learnt = set(read_text(paths.drawn_words("left")).split())
    assert learnt < set(left["fresh_words"].split()) <= set(words)
    assert set(left["unseen_words"].split()) <= set(words) - learnt
    assert right == {
        "text": read_text(paths.training_text("right")),
        "fresh_words": "",
        "unseen_words": "",
        "test_words": "",
    }


def _scores(lengths: tuple[int, ...] = (1, 5), languages: int = 2) -> None:
    random = np.random.default_rng(1)
    owners = np.repeat(np.arange(languages), 30)
    arrays: dict[str, Any] = {f"bits_{system}": np.full(languages, 2.0) for system in SYSTEMS}
    for length in lengths:
        known = np.full(len(owners), length)
        for group in GROUPS:
            likelihoods = random.normal(size=(len(owners), languages)) + np.eye(languages)[owners]
            evidence = Evidence(likelihoods, random.normal(size=len(owners)), known, 0 * known, 0 * known, known)
            arrays |= evidence_arrays(group, length, (evidence, owners))
            arrays[f"{group}_names"] = np.array(["one", "two", "three"][:languages])
        for noise in NOISE_LENGTHS:
            arrays |= evidence_arrays(NOISE, noise, (evidence, owners))
        for system in SYSTEMS:
            arrays[f"{system}_{length}"] = random.normal(size=(len(owners), languages)) + np.eye(languages)[owners]
    arrays["words_label"] = owners
    arrays |= {f"words_{system}": likelihoods for system in SYSTEMS}
    write_arrays(paths.SCORES_LANGUAGE, **arrays)
    Abstention(foreign=-8.0, lengths=[1, 5], limits=[1.0, 0.5], costs=[9.0, 9.0]).save(paths.ABSTENTION)


def test_evaluation_writes_metrics_and_plots(workspace: Workspace) -> None:
    workspace()
    _scores()
    evaluate_language.main()
    metrics = json.loads(paths.METRICS_LANGUAGE.read_text())
    assert 0.5 < metrics["auc"] <= 1.0
    assert 0 < metrics["calibration"]["ece"] < 1
    assert (
        paths.plot("roc_language")
        .read_text()
        .startswith("false_positive_rate,true_positive_rate,series\n0,0,detector\n")
    )
    assert paths.plot("reliability_language").read_text().startswith("confidence,accuracy,count,series\n0.")
    assert paths.plot("by_length_language").read_text().splitlines()[1].startswith("1,detector,60,")


def test_scores_of_an_earlier_state_are_told_and_the_last_good_metrics_stay(workspace: Workspace) -> None:
    workspace()
    _scores()
    evaluate_language.main()
    good = paths.METRICS_LANGUAGE.read_bytes()
    workspace({"score.lengths": [1, 5, 7]})
    message = r"data/scores/language.npz: expected the arrays .*, got none called own_owner_7.* Run 'dvc repro'"
    with pytest.raises(TextLSTMError, match=message):
        evaluate_language.main()
    workspace(languages={"left": "left.txt", "right": "right.txt", "third": "third.txt"})
    with pytest.raises(TextLSTMError, match="the scores are of 2 languages, expected 3: left, right, third"):
        evaluate_language.main()
    assert paths.METRICS_LANGUAGE.read_bytes() == good
