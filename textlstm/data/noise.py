"""What is no language, to test the detector on: keys hit at random, random letters, codes, encodings and ciphers."""

import base64
import random
import string
import unicodedata
from collections.abc import Callable, Sequence

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_CONSONANTS = "bcdfghjklmnpqrstvwxz"


def noise(texts: Sequence[str], length: int, count: int, *, seed: int) -> dict[str, list[str]]:
    """Strings of six kinds.

    Args:
        texts: what is enciphered; cleaned.
        length: characters in each string.
        count: strings of each kind.
        seed: of all choices.

    Returns:
        By kind, `count` strings each. "keyboard": words out of the keys of one row each; "letters": words of random
        letters; "consonants": words of random consonants; "hex" and "base64": random bytes so encoded; "cipher":
        passages of `texts` whose letters, without accents, are exchanged for others, each passage by a key of its own.

    >>> noise(["the cat sat"], 10, 1, seed=1)["hex"]
    ['4e0f27f9f7']
    """
    bare = ["".join(letter for letter in unicodedata.normalize("NFD", text) if letter.isascii()) for text in texts]
    choice = random.Random(seed)
    kinds: dict[str, Callable[[], str]] = {
        "keyboard": lambda: _words(choice, lambda: choice.choice(_ROWS), length),
        "letters": lambda: _words(choice, lambda: string.ascii_lowercase, length),
        "consonants": lambda: _words(choice, lambda: _CONSONANTS, length),
        "hex": lambda: choice.randbytes(length).hex(),
        "base64": lambda: base64.b64encode(choice.randbytes(length)).decode(),
        "cipher": lambda: _cipher(choice, choice.choice(bare), length),
    }
    return {kind: [make()[:length] for _ in range(count)] for kind, make in kinds.items()}


def _words(choice: random.Random, alphabet: Callable[[], str], length: int) -> str:
    """Words of 3 to 8 letters, each out of an alphabet, at least `length` characters of them."""
    text = ""
    while len(text) < length:
        text += "".join(choice.choices(alphabet(), k=choice.randint(3, 8))) + " "
    return text


def _cipher(choice: random.Random, text: str, length: int) -> str:
    """`length` characters of a text, enciphered."""
    key = "".join(choice.sample(string.ascii_lowercase, len(string.ascii_lowercase)))
    begin = choice.randrange(max(len(text) - length, 0) + 1)
    return text[begin : begin + length].translate(str.maketrans(string.ascii_lowercase, key))
