"""The text that the detector is calibrated on."""

from textlstm.data.calibration_texts import calibration_texts, words_in

SHARES = {"cat": 0.5, "dog": 0.3, "bird": 0.1, "fish": 0.1}


def test_words_are_drawn_afresh_and_the_unseen_ones_were_never_learnt_from() -> None:
    learnt = words_in("cat cat dog the bird")
    texts = calibration_texts("the bird", learnt, SHARES, characters=200, code="en", seed=8)
    assert texts["text"] == "the bird"
    assert set(texts["fresh_words"].split()) == set(SHARES)
    assert set(texts["unseen_words"].split()) == {"fish"}
    assert 100 < len(texts["fresh_words"]) < 300


def test_a_word_after_an_apostrophe_was_learnt_from_too() -> None:
    texts = calibration_texts(
        "", words_in("l'homme d'eau"), {"homme": 0.5, "eau": 0.5}, characters=50, code="fr", seed=8
    )
    assert texts["unseen_words"] == ""


def test_words_to_test_on_are_never_those_to_calibrate_on() -> None:
    shares = {f"{first}{second}": 0.9 if first == "a" else 0.001 for first in "abcdefgh" for second in "uvwxyz"}
    texts = calibration_texts("", set(), shares | {"q": 0.001}, characters=60, code="en", seed=8)
    tested = texts["test_words"].split()
    assert len(tested) == len(set(tested)) > 10
    assert set(tested) == set(shares) - set(texts["unseen_words"].split())


def test_a_language_without_a_list_has_its_text_alone() -> None:
    assert calibration_texts("a text", set(), {}, characters=50, code="", seed=8) == {
        "text": "a text",
        "fresh_words": "",
        "unseen_words": "",
        "test_words": "",
    }
