"""The subcommand `ask`: the language and the sentiment of texts, of the command line or of standard input as they come.

Text is UTF-8, in and out, whatever the locale; bytes that are not are replaced by U+FFFD.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

Answer = dict[str, Any]
Model = Callable[[list[str]], list[Answer]]  # one answer per text

_AT_ONCE = 1 << 18  # bytes
_TEXT_SHOWN = 60  # characters, in a table
_COLUMNS = {  # of a table: heading, and characters of the widest cell; the text comes last
    "language": ("language", len("none: low confidence")),
    "margin": ("margin", len("99999.999")),
    "language_probability": ("probability", len("probability")),
    "sentiment": ("sentiment", len("none: no words")),
    "positive_probability": ("positive", len("positive")),
}


def ask(chosen: argparse.Namespace) -> int:
    """Print one line per text, with a heading for texts of the command line unless they are asked for as JSON; return 0.

    Lines of standard input are answered as soon as they are there, those that are there together as one batch.

    Args:
        chosen: the words of the command line; `chosen.error` ends the process for wrong usage.

    Raises:
        TextLSTMError: a model is missing or broken, or cannot answer what it is asked.
        BrokenPipeError: nobody reads the answers any more.
    """
    batches = iter([[_replaced(text) for text in chosen.texts]]) if chosen.texts else batches_of_lines(sys.stdin.buffer)
    if chosen.only == "sentiment" and (chosen.languages or chosen.exact or chosen.threshold is not None):
        chosen.error(
            "--languages, --threshold and --exact decide about the language: not allowed with --only sentiment"
        )
    first = next(batches, [])
    if not first:
        chosen.error("expected a text, got none. Give it as an argument or on standard input")
    models = _load(chosen)
    heading = bool(chosen.texts) and not chosen.json
    for texts in itertools.chain([first], batches):
        answers: list[Answer] = [{"text": text} for text in texts]
        for model in models:
            answers = [answer | fields for answer, fields in zip(answers, model(texts), strict=True)]
        rows = [json.dumps(answer, ensure_ascii=False) if chosen.json else _row(answer) for answer in answers]
        _print([_heading(answers[0]), *rows] if heading else rows)
    return 0


def batches_of_lines(stream: BinaryIO) -> Iterator[list[str]]:
    r"""The lines of a stream of UTF-8, without their "\n" (nothing else ends a line): all that are complete whenever more has come.

    >>> import io
    >>> list(batches_of_lines(io.BytesIO(b"one\n\ntwo\r\nthree")))
    [['one', '', 'two\r'], ['three']]
    """
    begun = bytearray()  # of the line that is not complete
    while block := stream.read1(_AT_ONCE):  # type: ignore[attr-defined]  # what is there, without waiting for more
        complete, end, rest = block.rpartition(b"\n")
        if end:
            yield [line.decode("utf-8", "replace") for line in (begun + complete).split(b"\n")]
            begun.clear()
        begun += rest
    if begun:
        yield [begun.decode("utf-8", "replace")]


def _load(chosen: argparse.Namespace) -> list[Model]:
    return [
        *([_load_language(chosen)] if chosen.only != "sentiment" else []),
        *([_load_sentiment(chosen)] if chosen.only != "language" else []),
    ]


def _load_language(chosen: argparse.Namespace) -> Model:
    from textlstm.detection.detector import load_detector

    detector = load_detector(chosen.models, exact=chosen.exact)
    if unknown := [name for name in chosen.languages or [] if name not in detector.languages]:
        known = ", ".join(detector.languages)
        chosen.error(f"argument --languages: expected some of {known}, got {unknown[0]!r}")

    def answers(texts: list[str]) -> list[Answer]:
        found = detector.predict(texts, languages=chosen.languages, threshold=chosen.threshold)
        return [
            {
                "language": one.language,
                "reason": one.reason,
                "margin": one.margin,
                "language_probability": one.probability,
            }
            for one in found
        ]

    return answers


def _load_sentiment(chosen: argparse.Namespace) -> Model:
    from textlstm.sentiment.classifier import load_classifier

    classifier = load_classifier(chosen.models)
    return lambda texts: [
        {"sentiment": one.sentiment, "positive_probability": one.probability} for one in classifier.predict(texts)
    ]


def _heading(answer: Answer) -> str:
    return "  ".join([*(title.ljust(width) for key, (title, width) in _COLUMNS.items() if key in answer), "text"])


def _row(answer: Answer) -> str:
    cells = [_cell(key, answer).ljust(width) for key, (_, width) in _COLUMNS.items() if key in answer]
    text = "".join(character if character.isprintable() else " " for character in answer["text"][: 4 * _TEXT_SHOWN])
    text = " ".join(text.split())
    shown = text if len(text) <= _TEXT_SHOWN else f"{text[: _TEXT_SHOWN - 1]}…"
    return "  ".join([*cells, shown]).rstrip()


def _cell(key: str, answer: Answer) -> str:
    value = answer[key]
    if value is None:
        reason = {"language": answer.get("reason"), "sentiment": "no words"}.get(key)
        return f"none: {reason}" if reason else "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _replaced(text: str) -> str:
    """A word of the command line, with what was not UTF-8 in it replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _print(lines: list[str]) -> None:
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode("utf-8"))
    sys.stdout.flush()
