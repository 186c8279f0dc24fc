"""What the page shows, by hand: forms with files, points of curves, what characters and words add."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.detection.test_detector import DETECTOR
from textlstm.core.errors import TextLSTMError
from textlstm.evaluation.explain import word_contributions
from textlstm.page import analysis, results
from textlstm.page.files import read_form
from textlstm.page.results import Confusion, Curve
from textlstm.sentiment.classifier import SentimentLogOdds


@given(
    st.binary(max_size=300),
    st.text(st.characters(codec="utf-8", exclude_characters='"\r\n\\/\0'), min_size=1, max_size=20),
)
def test_a_file_comes_out_of_a_form_as_it_went_in(content: bytes, name: str) -> None:
    boundary = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
    body = b"".join(
        [
            b"--" + boundary + b'\r\nContent-Disposition: form-data; name="only"\r\n\r\nlanguage\r\n',
            b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode(),
            b'"\r\nContent-Type: application/octet-stream\r\n\r\n' + content + b"\r\n--" + boundary + b"--\r\n",
        ]
    )
    upload = read_form(body, f"multipart/form-data; boundary={boundary.decode()}")
    assert upload == (name, content, {"only": "language"})


@given(st.binary(max_size=100))
def test_what_is_no_form_is_one_error(body: bytes) -> None:
    with pytest.raises(TextLSTMError, match="expected"):
        read_form(body, "multipart/form-data; boundary=x")
    with pytest.raises(TextLSTMError, match="expected a form with a file"):
        read_form(body, "text/plain")


def test_a_threshold_means_recall_and_precision() -> None:
    curve = Curve("detector", [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)])
    confusion = Confusion(["negative", "positive"], [("negative", [30, 10]), ("positive", [5, 15])])
    assert results.operating(curve, 0.0, confusion) == (0.0, 0.0, None)
    assert results.operating(curve, 0.34, confusion) == (0.0, 0.5, 1.0)
    assert results.operating(curve, 0.66, confusion) == (0.5, 1.0, pytest.approx(20 / 40))
    assert results.operating(curve, 1.0, confusion)[2] == pytest.approx(20 / 60)


def test_words_add_what_the_log_odds_would_be_less_without_them() -> None:
    worth = {"good": 2.0, "bad": -1.0}

    def ask(texts: object) -> SentimentLogOdds:
        odds = np.array([sum(worth.get(word, 0.0) for word in words) for words in texts])  # type: ignore[attr-defined]
        return SentimentLogOdds(odds, 2 * odds, odds + 1.0)

    whole, added = word_contributions(ask, ["good", "and", "bad"], most=2)
    assert (whole.classifier.tolist(), whole.nbsvm.tolist()) == ([1.0], [2.0])
    assert added.lstm.tolist() == [4.0, 0.0]
    assert added.nbsvm.tolist() == [2.0, 0.0]


def test_levels_grow_with_what_is_added() -> None:
    levels = [analysis.level_of(value) for value in (0.0, 0.1, 0.5, -1.5, 3.0, 99.0)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, analysis.LEVELS)


def test_spans_of_a_view_are_the_text() -> None:
    view = analysis.language_view(DETECTOR, " aab  ccbcaccb! ", None, 0.0)
    assert "".join(said for said, _, _ in view.spans) == " aab  ccbcaccb! "
    assert view.characters == []  # these models are no table
    assert [name for name, _ in view.bars] == list(view.pair)
