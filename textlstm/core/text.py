"""Language texts in their normal form.

Works on plain strings. Does not remove accents or punctuation: they tell languages apart.
"""

import unicodedata

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4\u2032", "'"))


def normalise(text: str) -> str:
    """Lower-case, then compose accents (NFC), make every apostrophe ASCII and fold white space to single spaces.

    >>> normalise("Libert\u00e9,  \u00c9GALIT\u00c9 \\n l\u2019homme")
    "libert\u00e9, \u00e9galit\u00e9 l'homme"
    """
    return " ".join(unicodedata.normalize("NFC", text.lower()).translate(_APOSTROPHES).split())


def as_whole(text: str) -> str:
    """A normalised text between spaces, as it stands in running text: where its first and last words begin and end speaks for a language.

    Only for texts that are whole, not for windows that cut words; an empty text stays empty.

    >>> as_whole("sage")
    ' sage '
    """
    return f" {text} " if text else text
