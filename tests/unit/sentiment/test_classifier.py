"""The classifier: a weighted mean of two log-odds, for a test review and a user's text alike, with the weight in a file of its own."""

import dataclasses
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.sentiment.test_lstm import LABELS, OF_MANY_LENGTHS, TEXTS, tiny, untrained
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import write_json, write_sealed
from textlstm.core.odds import probability_of
from textlstm.core.settings import SentimentSettings
from textlstm.sentiment.baseline import train_linear_svm
from textlstm.sentiment.calibration import LengthCalibration
from textlstm.sentiment.calibration_fitting import POINTS, fit_calibration
from textlstm.sentiment.classifier import SentimentClassifier
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm
from textlstm.sentiment.tokenizer import words_of


@pytest.fixture(scope="module")
def classifier(settings: Callable[..., Any]) -> SentimentClassifier:
    nbsvm = train_nbsvm(TEXTS, LABELS, NbsvmConfig(2, 1, 2, 10, True), min_reviews=1, strength=1.0, seed=7)
    return SentimentClassifier(untrained(tiny(settings)), nbsvm, 0.25)


def test_the_answer_is_the_weighted_mean_of_both_parts(classifier: SentimentClassifier) -> None:
    log_odds = classifier.log_odds(OF_MANY_LENGTHS)
    np.testing.assert_array_equal(log_odds.lstm, classifier.lstm.log_odds(OF_MANY_LENGTHS))
    np.testing.assert_array_equal(log_odds.nbsvm, classifier.nbsvm.log_odds(OF_MANY_LENGTHS))
    np.testing.assert_allclose(log_odds.classifier, 0.75 * log_odds.lstm + 0.25 * log_odds.nbsvm)


def test_a_users_text_is_answered_with_the_log_odds_of_a_test_review(classifier: SentimentClassifier) -> None:
    probabilities = probability_of(classifier.log_odds(["good film", "bad"]).classifier)
    predictions = classifier.predict(["good film", " ", "bad"])
    assert [prediction.probability for prediction in predictions] == [probabilities[0], None, probabilities[1]]
    expected = ["positive" if probability > 0.5 else "negative" for probability in probabilities]
    assert [prediction.sentiment for prediction in predictions] == [expected[0], None, expected[1]]
    with pytest.raises(TextLSTMError, match="review 2: expected words, got none"):
        classifier.log_odds(["good film", " ", "bad"])


def test_a_review_is_split_into_words_once(classifier: SentimentClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(text: str, *, punctuation: bool = True) -> list[str]:
        asked.append(text)
        return words_of(text, punctuation=punctuation)

    for module in ("classifier", "lstm", "nbsvm", "tokenizer"):
        monkeypatch.setattr(f"textlstm.sentiment.{module}.words_of", counted, raising=False)
    classifier.predict(OF_MANY_LENGTHS)
    assert asked == OF_MANY_LENGTHS
    classifier.log_odds(OF_MANY_LENGTHS)
    assert asked == OF_MANY_LENGTHS * 2


def test_portions_change_no_answer_and_of_a_long_review_only_what_is_read_becomes_ids(
    classifier: SentimentClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews = [*OF_MANY_LENGTHS, " ", "good " * 500]
    expected = classifier.predict(reviews)
    asked: list[int] = []
    whole = type(classifier.lstm).log_odds_of_ids
    monkeypatch.setattr(
        type(classifier.lstm), "log_odds_of_ids", lambda self, ids: asked.append(max(map(len, ids))) or whole(self, ids)
    )
    monkeypatch.setattr("textlstm.core.text.LONGEST", 6)
    assert classifier.predict(reviews) == expected
    assert len(asked) > 1
    assert max(asked) == classifier.lstm.config.length + 1


def test_models_of_other_words_are_refused(classifier: SentimentClassifier, tmp_path: Path) -> None:
    classifier.lstm.save(tmp_path / "imdb")
    config = dataclasses.replace(classifier.nbsvm.config, punctuation=False)
    dataclasses.replace(classifier.nbsvm, config=config).save(tmp_path / "nbsvm")
    write_sealed(tmp_path / "sentiment.json", SentimentSettings(0.5, 0.5, 0.5, [], [], []))
    with pytest.raises(TextLSTMError, match=r"expected models of the same words, got one for which punctuation marks"):
        SentimentClassifier.load(tmp_path)


def test_the_weight_lies_beside_the_models_and_changes_neither(classifier: SentimentClassifier, tmp_path: Path) -> None:
    classifier.lstm.save(tmp_path / "imdb")
    classifier.nbsvm.save(tmp_path / "nbsvm")
    with pytest.raises(TextLSTMError, match=r"sentiment.json: no such file"):
        SentimentClassifier.load(tmp_path)
    expected = classifier.log_odds(OF_MANY_LENGTHS)
    for weight, answer in ((0.0, expected.lstm), (1.0, expected.nbsvm), (0.25, expected.classifier)):
        write_sealed(tmp_path / "sentiment.json", SentimentSettings(weight, weight, 0.5, [], [], []))
        np.testing.assert_array_equal(SentimentClassifier.load(tmp_path).log_odds(OF_MANY_LENGTHS).classifier, answer)
    write_json(tmp_path / "sentiment.json", {"weight": 0.5})
    with pytest.raises(
        TextLSTMError,
        match=r"sentiment.json: expected the fields nbsvm_weight, sentence_weight, threshold, words, scale, bias, digest, got weight",
    ):
        SentimentClassifier.load(tmp_path)


def test_threads_that_ask_at_once_get_the_answers_of_one_alone(classifier: SentimentClassifier) -> None:
    expected = [classifier.predict(OF_MANY_LENGTHS[place:]) for place in range(len(OF_MANY_LENGTHS))]
    with ThreadPoolExecutor(8) as pool:
        tasks = range(80)
        found = list(pool.map(lambda task: classifier.predict(OF_MANY_LENGTHS[task % len(OF_MANY_LENGTHS) :]), tasks))
    assert found == [expected[task % len(OF_MANY_LENGTHS)] for task in tasks]


def test_a_single_string_is_no_list_of_reviews(classifier: SentimentClassifier) -> None:
    for ask in (classifier.predict, classifier.log_odds):
        with pytest.raises(TextLSTMError, match="texts: expected a list of texts, got 'good film'"):
            ask("good film")


def test_a_classifier_survives_pickling(classifier: SentimentClassifier) -> None:
    copy = pickle.loads(pickle.dumps(classifier))  # noqa: S301 - of this line
    assert copy.predict(OF_MANY_LENGTHS) == classifier.predict(OF_MANY_LENGTHS)


def test_the_baseline_counts_punctuation_only_if_asked_to() -> None:
    texts, labels = ["fine !", "fine !", "fine .", "fine ."], np.array([1, 1, 0, 0])
    with_marks, without = (train_linear_svm(texts, labels, punctuation=wanted, seed=7) for wanted in (True, False))
    assert set(with_marks[0].vocabulary_) == {"fine", "!", "."}
    assert set(without[0].vocabulary_) == {"fine"}
    high, low = with_marks.decision_function(["fine !", "fine ."])
    assert high > 0 > low


def test_the_calibration_acts_on_the_answer_alone(classifier: SentimentClassifier) -> None:
    calibration = LengthCalibration(np.array([1, 4]), np.array([2.0, 4.0]), np.array([0.5, -0.5]))
    calibrated = dataclasses.replace(classifier, calibration=calibration)
    before, after = (
        classifier.log_odds(["good", "a good film ! fun"]),
        calibrated.log_odds(["good", "a good film ! fun"]),
    )
    np.testing.assert_array_equal(before.lstm, after.lstm)
    np.testing.assert_array_equal(before.nbsvm, after.nbsvm)
    np.testing.assert_allclose(after.classifier, before.classifier * [2.0, 4.0] + [0.5, -0.5])


def test_a_text_with_nothing_to_judge_by_gets_a_reason(classifier: SentimentClassifier) -> None:
    careful = dataclasses.replace(classifier, threshold=0.51, foreign=lambda texts: ["nul" in text for text in texts])
    texts = ["", "xyzzy 77777", "!", "le film est nul", "good film"]
    found = careful.predict(texts)
    assert [one.reason for one in found] == ["no words", "no known words", "no known words", "not English", None]
    assert [one.sentiment is None for one in found] == [True] * 4 + [False]
    assert [one.probability is None for one in found] == [True] * 4 + [False]
    assert found[4] == careful.predict(["good film"])[0]
    (unsure,) = careful.predict(["good film"], threshold=1.0)
    assert unsure == (None, found[4].probability, "low confidence")
    anything = careful.predict(texts, threshold=0.0)
    assert [one.sentiment is None for one in anything] == [True, False, False, False, False]
    with pytest.raises(TextLSTMError, match=r"threshold: expected a probability, 0 to 1, got 1\.5"):
        careful.predict(texts, threshold=1.5)


def test_a_calibration_moves_the_line_where_it_belongs_at_every_length() -> None:
    random = np.random.default_rng(7)
    words = np.exp(random.uniform(0.0, 6.0, 20_000)).astype(np.int64) + 1
    positive = random.random(20_000) < 0.5
    margin = np.where(positive, 1.0, -1.0) + random.normal(size=20_000)  # its log-odds are twice that
    short = np.clip(1.0 - np.log2(words) / np.log2(POINTS[-1]), 0.0, 1.0)
    crooked = (2 * margin - short) / (1.0 + short)
    calibration = fit_calibration(crooked, words, positive)
    calibrated = calibration(crooked, words)
    assert np.abs(calibrated - 2 * margin).mean() < 0.15
    assert np.abs(crooked - 2 * margin).mean() > 0.3
    assert (calibration.scale[-1], calibration.bias[-1]) == (1.0, 0.0)
    np.testing.assert_array_equal(calibrated[words >= POINTS[-1]], crooked[words >= POINTS[-1]])
    few = fit_calibration(np.array([1.0, -1.0]), np.array([3, 3]), np.array([True, False]))
    assert np.all(np.abs(few.scale - 1.0) < 0.5)  # two texts prove little
    np.testing.assert_allclose(few.bias, 0.0, atol=1e-6)
