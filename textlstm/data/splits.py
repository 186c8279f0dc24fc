"""The split of a text into a part to learn from and a part to test on. Does not segment sentences; reviews: see `textlstm.data.reviews`."""

import tempfile
from pathlib import Path

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, read_pieces, require
from textlstm.core.text import clean

_LONGEST_WORDS = 30  # characters of a mean word; beyond it a text is taken to be written without spaces


def split_words(text: str, fraction: float) -> tuple[str, str]:
    """Cut cleaned text at a word: the first `fraction` of its words to learn from, the rest to test on.

    >>> split_words("all human beings are born free and equal in dignity", 0.8)
    ('all human beings are born free and equal', 'in dignity')
    """
    words = text.split(" ") if text else []
    cut = _learnt(len(words), fraction)
    return " ".join(words[:cut]), " ".join(words[cut:])


def _learnt(words: int, fraction: float) -> int:
    """How many of so many words are learnt from.

    They are counted in tens, as the article that this project began with does (`len(words) // 10 * 8`), so that the
    held-out texts are the ones on which published figures were measured.
    """
    return round(words // 10 * 10 * fraction)


def split_file(
    text: Path, train: Path, heldout: Path, fraction: float, *, most: int, least: int, name: str
) -> tuple[int, int]:
    """Clean a text of any length and cut it as `split_words` does, in pieces: it is never held whole.

    Args:
        text: UTF-8; what `clean` would only see across the end of a piece of some megabytes, which is a line or a word,
            stays.
        train: where the part to learn from is written.
        heldout: where the part to test on is written.
        fraction: share of the words that is learnt from, between 0 and 1.
        most: at most so many characters are learnt from, the first ones; 0 = all.
        least: characters that each part must have.
        name: what to call the text in messages.

    Returns:
        Characters to learn from, and to test on.

    Raises:
        TextLSTMError: there is no such text, it is not UTF-8, or a part has fewer than `least` characters.
    """
    require(text)
    with atomic(train) as to_learn, atomic(heldout) as to_test:
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=train.parent) as lines:
            words = 0
            for cleaned in filter(None, map(clean, read_pieces(text))):
                lines.write(cleaned + "\n")
                words += cleaned.count(" ") + 1
            lines.seek(0)
            left, lengths = _learnt(words, fraction), [0, 0]
            with (
                to_learn.open("w", encoding="utf-8", newline="\n") as learnt,
                to_test.open("w", encoding="utf-8", newline="\n") as tested,
            ):
                for line in lines:
                    of_line = line.removesuffix("\n").split(" ")
                    for part, file in enumerate((learnt, tested)):
                        piece = " ".join(of_line[left:] if part else of_line[:left])
                        if piece:
                            piece = " " * bool(lengths[part]) + piece
                            lengths[part] += len(piece)
                            if not part and most:
                                piece = piece[: max(most - lengths[0] + len(piece), 0)]
                            file.write(piece)
                    left = max(left - len(of_line), 0)
        for length, use in zip(lengths, ("learn from", "test on"), strict=True):
            if length < least and sum(lengths) > _LONGEST_WORDS * words:
                raise TextLSTMError(
                    f"{name}: expected ten words or more, with white space between them, got {words} in {sum(lengths):,} "
                    "characters: a text is cut between words, and this one is written without spaces. Put a space or a line "
                    "end after each word or sentence"
                )
            if length < least:
                raise TextLSTMError(
                    f"{name}: the text is too short: {words} words leave {length} characters to {use}, "
                    f"expected at least {least}. Give a longer text"
                )
    return min(lengths[0], most or lengths[0]), lengths[1]
