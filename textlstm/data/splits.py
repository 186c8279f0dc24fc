"""The split of a text into a part to learn from and a part to test on. Does not segment sentences; reviews: see `textlstm.data.reviews`."""

from textlstm.core.errors import TextLSTMError


def split_words(text: str, fraction: float, *, least: int, name: str) -> tuple[str, str]:
    """Cut cleaned text at a word: the first `fraction` of its words to learn from, the rest to test on.

    The words are counted in tens, as the article that this project began with does (`len(words) // 10 * 8`), so that
    the held-out texts are the ones on which published figures were measured.

    Args:
        text: cleaned text.
        fraction: share of the words that is learnt from, between 0 and 1.
        least: number of characters that each part must have.
        name: what to call the text in messages.

    Raises:
        TextLSTMError: a part has fewer than `least` characters.

    >>> split_words("all human beings are born free and equal in dignity", 0.8, least=1, name="example")
    ('all human beings are born free and equal', 'in dignity')
    """
    words = text.split(" ") if text else []
    cut = round(len(words) // 10 * 10 * fraction)
    parts = " ".join(words[:cut]), " ".join(words[cut:])
    for part, use in zip(parts, ("learn from", "test on"), strict=True):
        if len(part) < least:
            raise TextLSTMError(
                f"{name}: the text is too short: {len(words)} words leave {len(part)} characters to {use}, "
                f"expected at least {least}. Give a longer text"
            )
    return parts
