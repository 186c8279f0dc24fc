"""Words and how often they are drawn: which are left out, and the shares of those that stay."""

import gzip
import itertools
import zipfile
from collections import Counter
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.data.archives import read_word_lists
from textlstm.data.words import draw_words, flattened, read_list, with_common_letters, without_foreign

SHARES = {"the": 0.05, "and": 0.03, "sage": 0.00004, "\u017ei\u017eek": 0.0000001, "caf\u00e9": 0.0002}


def test_a_list_holds_words_and_no_numbers() -> None:
    # "The" and "the" are one word: 10 ** -1 + 10 ** -2
    shares = read_list("the\t100\nThe\t200\n1984\t100\n\u2764\t300\nl'an\t300\n")
    assert shares == pytest.approx({"the": 0.11, "l'an": 0.001})


def test_words_of_other_languages_are_left_out() -> None:
    assert set(without_foreign({"the": 0.01, "chat": 0.01, "rue": 0.01}, [{"the": 0.03, "chat": 0.029}], 3.0)) == {
        "chat",
        "rue",
    }


def test_words_with_letters_that_are_rare_in_the_language_are_left_out() -> None:
    # letters: t h e, a n d, four of sage, four of caf\u00e9, and five of \u017ei\u017eek
    every = 3 * 0.05 + 3 * 0.03 + 4 * 0.00004 + 4 * 0.0002 + 5 * 0.0000001
    assert set(with_common_letters(SHARES, 1e-5)) == {"the", "and", "sage", "caf\u00e9"}
    assert set(with_common_letters(SHARES, 0.000039 / every)) == {"the", "and", "sage", "caf\u00e9"}  # g: a little more
    assert set(with_common_letters(SHARES, 0.000041 / every)) == {"the", "and", "caf\u00e9"}
    assert with_common_letters(SHARES, 0.0) == SHARES


def test_flattened_by_hand() -> None:
    # shares 0.64 and 0.16 of 0.8; their roots 0.8 and 0.4 of 1.2
    expected = {"the": (0.8 + 2 / 3) / 2, "sage": (0.2 + 1 / 3) / 2}
    assert flattened({"the": 0.64, "sage": 0.16}, 0.5) == pytest.approx(expected)


@given(st.dictionaries(st.text("ab", min_size=1), st.floats(1e-9, 1.0), min_size=1), st.floats(0.0, 1.0))
def test_flattened_shares_sum_to_one_and_keep_their_order(shares: dict[str, float], power: float) -> None:
    flat = flattened(shares, power)
    assert sum(flat.values()) == pytest.approx(1.0)
    order = sorted(shares, key=lambda word: shares[word])
    assert all(flat[one] <= flat[other] * (1 + 1e-9) for one, other in itertools.pairwise(order))
    if power == 1.0:
        assert list(flat.values()) == pytest.approx([share / sum(shares.values()) for share in shares.values()])


def test_words_are_drawn_as_often_as_asked() -> None:
    counts = Counter(draw_words({"a": 3.0, "bb": 1.0}, 90_000, code="en", seed=7).split())
    assert counts["a"] / counts.total() == pytest.approx(0.75, abs=0.01)


def _wheel(folder: Path, **lists: list[list[str]]) -> Path:
    path = folder / "wordfreq.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, ranks in lists.items():
            content = gzip.compress(msgpack.packb([{"format": "cB", "version": 1}, *ranks]))
            wheel.writestr(f"wordfreq/data/{name}.msgpack.gz", content)
    return path


@pytest.mark.parametrize("order", [1, -1])
def test_the_large_list_is_taken_where_there_is_one(tmp_path: Path, order: int) -> None:
    lists = {
        "small_en": [["the"]],
        "large_en": [["the"], ["sage", "thyme"]],
        "small_bg": [[], ["i"]],
        "jieba_zh": [["x"]],
    }
    wheel = _wheel(tmp_path, **dict(list(lists.items())[::order]))
    assert read_word_lists(wheel) == {"en": "the\t0\nsage\t1\nthyme\t1\n", "bg": "i\t1\n"}


def test_a_list_of_another_format_is_told(tmp_path: Path) -> None:
    path = tmp_path / "wordfreq.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            "wordfreq/data/large_en.msgpack.gz", gzip.compress(msgpack.packb([{"format": "cB", "version": 2}]))
        )
    with pytest.raises(TextLSTMError, match=r"large_en.msgpack.gz: expected a word list of the format cB 1"):
        read_word_lists(path)
