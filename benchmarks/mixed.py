"""Text in several languages: which characters are in which, and where the language changes; beside lingua.

Reads   models/ and data/split/language/ of the default run, or of the folder RUN (see `benchmarks.ten_languages`)
Writes  benchmarks/results/mixed.json, mixed.md, or with RUN mixed_ten.json, mixed_ten.md
Run     python -m benchmarks.mixed [RUN]

The texts are put together from the held-out texts. Changing: two to five spans of 1 to 20 words, each in another
language than the one before. One foreign word: 8 to 20 words of one language, and one of another among them. One
language: windows of 50 characters between words, in which no change should be found.
"""

import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import common
from benchmarks.peers import OURS, codes_of
from textlstm.core import paths
from textlstm.core.files import read_text, write_json, write_text
from textlstm.core.params import load_params
from textlstm.detection.detector import Detector, load_detector
from textlstm.evaluation.metrics import calibration_error, rounded

CHANGING, FOREIGN_WORD = "changing", "one foreign word"
_NEAR = 2  # characters that a boundary may be off
_WINDOW = 50
_ROUNDS = 1000

Labels = npt.NDArray[np.int64]  # of characters: the number of a language, -1 for none
Ask = Callable[[str], list[tuple[int, int, int]]]  # begin, end and language of each span


class Mixed(NamedTuple):
    """A text, and the language of each of its characters."""

    text: str
    labels: Labels  # (characters,)


def main() -> None:
    """Ask both systems about the same texts, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="folder that holds models/ and data/split/language/ of a run")
    parser.add_argument("--texts", type=int, default=2000, help="of each kind")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    chosen = parser.parse_args()
    folder, seed = chosen.run or Path(), load_params().seed
    detector = load_detector(folder / paths.DETECTION_SETTINGS.parent)
    languages = list(detector.languages)
    texts = [read_text(folder / paths.heldout_text(language)) for language in languages]
    systems = {OURS: ours(detector), "lingua": lingua(languages)}
    kinds = {
        kind: [mixed(texts, kind, random.Random(f"{seed} {number}")) for number in range(chosen.texts)]
        for kind in (CHANGING, FOREIGN_WORD)
    }
    windows = [window for text in texts for window in windows_between_words(text)]
    results: dict[str, Any] = {"languages": languages, "windows": len(windows), "texts": chosen.texts}
    results["systems"] = {
        name: {kind: measure(ask, some, seed) for kind, some in kinds.items()}
        | {"one_span": float(np.mean([len(ask(window)) == 1 for window in windows]))}
        for name, ask in systems.items()
    }
    results["calibration"] = calibration(detector, kinds[CHANGING])
    name = "mixed_ten" if chosen.run else "mixed"
    write_json(chosen.results / f"{name}.json", rounded(results))
    write_text(chosen.results / f"{name}.md", "\n".join(report(rounded(results))) + "\n")
    print("\n".join(report(rounded(results))))


def ours(detector: Detector) -> Ask:
    """Texts in, spans out."""
    number = {language: place for place, language in enumerate(detector.languages)}

    def ask(text: str) -> list[tuple[int, int, int]]:
        return [(one.begin, one.end, number.get(one.language or "", -1)) for one in detector.spans([text])[0]]

    return ask


def lingua(languages: Sequence[str]) -> Ask:
    """The same, held to the languages."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in codes_of(languages)]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_preloaded_language_models().build()
    number = {code: place for place, code in enumerate(codes)}

    def ask(text: str) -> list[tuple[int, int, int]]:
        found = detector.detect_multiple_languages_of(text)
        return [(one.start_index, one.end_index, number[one.language.iso_code_639_1]) for one in found]

    return ask


def mixed(texts: Sequence[str], kind: str, choice: random.Random) -> Mixed:
    """A text put together from those of several languages."""
    words = [text.split() for text in texts]

    def some(language: int, count: int) -> list[str]:
        begin = choice.randrange(len(words[language]) - count + 1)
        return words[language][begin : begin + count]

    spans: list[tuple[int, list[str]]] = []
    if kind == CHANGING:
        language = choice.randrange(len(texts))
        for _ in range(choice.randint(2, 5)):
            spans.append((language, some(language, choice.randint(1, 20))))
            language = _other(language, len(texts), choice)
    else:
        language = choice.randrange(len(texts))
        host, other = some(language, choice.randint(8, 20)), _other(language, len(texts), choice)
        place = choice.randint(1, len(host) - 1)
        spans = [(language, host[:place]), (other, some(other, 1)), (language, host[place:])]
    labels = [np.full(len(" ".join(span)) + 1, of) for of, span in spans]
    return Mixed(" ".join(" ".join(span) for _, span in spans), np.concatenate(labels)[:-1])


def _other(language: int, count: int, choice: random.Random) -> int:
    return (language + choice.randint(1, count - 1)) % count


def windows_between_words(text: str) -> list[str]:
    """Every window of about `_WINDOW` characters that begins and ends between words: up to the word that reaches that length."""
    begins = [0, *(place + 1 for place, character in enumerate(text) if character == " ")]
    ends = [text.find(" ", begin + _WINDOW - 1) for begin in begins]
    return [text[begin:end] for begin, end in zip(begins, ends, strict=True) if end > 0]


def measure(ask: Ask, texts: Sequence[Mixed], seed: int) -> dict[str, float]:
    """Share of the characters, blanks left out, in the right language, and F1 of the boundaries; with 95 % intervals over the texts."""
    rows = np.array([_counts(ask(one.text), one) for one in texts], dtype=np.float64)
    draws = np.random.default_rng(seed).integers(len(rows), size=(_ROUNDS, len(rows)))
    found = {}
    for name, of in (("characters", _accuracy), ("boundaries", _f1)):
        low, high = np.quantile([of(rows[draw].sum(axis=0)) for draw in draws], [0.025, 0.975])
        found |= {name: of(rows.sum(axis=0)), f"{name}_low": float(low), f"{name}_high": float(high)}
    return found


def _accuracy(sums: npt.NDArray[np.float64]) -> float:
    return float(sums[0] / sums[1])


def _f1(sums: npt.NDArray[np.float64]) -> float:
    return float(2 * sums[2] / max(sums[3] + sums[4], 1.0))


def _counts(spans: Sequence[tuple[int, int, int]], one: Mixed) -> list[int]:
    """Right characters, characters, boundaries found, boundaries that there are, boundaries said."""
    said = np.full(len(one.text), -1)
    for begin, end, language in spans:
        said[begin:end] = language
    written = np.array([not character.isspace() for character in one.text])
    true = (np.flatnonzero(np.diff(one.labels)) + 1).tolist()
    ends = [begin for (_, _, before), (begin, _, language) in itertools.pairwise(spans) if before != language]
    left, hits = list(ends), 0
    for place in true:
        if near := [end for end in left if abs(end - place) <= _NEAR]:
            left.remove(near[0])
            hits += 1
    return [int(((said == one.labels) & written).sum()), int(written.sum()), hits, len(true), len(ends)]


def calibration(detector: Detector, texts: Sequence[Mixed]) -> dict[str, float]:
    """Mean confidence of the spans' characters, the share that is right, and the expected calibration error over characters."""
    number = {language: place for place, language in enumerate(detector.languages)}
    chances, right = [], []
    for one in texts:
        for span in detector.spans([one.text])[0]:
            if span.language is not None and span.probability is not None:
                labels = one.labels[span.begin : span.end]
                chances.append(np.full(len(labels), span.probability))
                right.append(labels == number[span.language])
    sure, correct = np.concatenate(chances), np.concatenate(right)
    return {"confidence": float(sure.mean()), "right": float(correct.mean()), "error": calibration_error(sure, correct)}


def report(results: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    rows = [
        [
            name,
            *(
                common.interval(of[kind], key)
                for kind in (CHANGING, FOREIGN_WORD)
                for key in ("characters", "boundaries")
            ),
            f"{of['one_span']:.2%}",
        ]
        for name, of in results["systems"].items()
    ]
    header = [
        "system",
        "changing: characters",
        "boundaries",
        "one foreign word: characters",
        "boundaries",
        "one language",
    ]
    fitted = results["calibration"]
    about = (
        f"{results['texts']:,} texts of each kind, put together from the held-out texts in {', '.join(results['languages'])}. "
        "Changing: two to five spans of 1 to 20 words; one foreign word: among 8 to 20 words of another language. "
        "Characters: share in the right language; boundaries: F1 of the places where the language changes, within two "
        f"characters; 95 % intervals. One language: share of the {results['windows']:,} windows of {_WINDOW} characters "
        "between words that stay one span."
    )
    sure = (
        f"Mean confidence of the spans of {OURS} {fitted['confidence']:.3f}, right {fitted['right']:.3f}, expected "
        f"calibration error {fitted['error']:.3f}."
    )
    return ["<!-- Written by python -m benchmarks.mixed. -->", about, "", *common.table(header, rows), "", sure]


if __name__ == "__main__":
    common.run(main)
