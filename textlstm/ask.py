"""The subcommand `ask`: the language and the sentiment of texts, of the command line or of standard input as they come.

Texts and JSON are UTF-8, whatever the locale; a table is written in the encoding of standard output. A text that is not
UTF-8, or too long, has no answer: its line says why, and so does a message with its number.
"""

import argparse
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from textlstm.core.errors import TextLSTMError
from textlstm.core.text import LONGEST, NOT_UTF8, TOO_LONG, printable

Answer = dict[str, Any]
Model = Callable[[list[str]], list[Answer]]  # one answer per text

_AT_ONCE = 1 << 18  # bytes
_LINES = 8192  # answered together, at most
_LONGEST_LINE = 4 * LONGEST + 1  # bytes that are kept of a line: enough to tell that it is too long
_SHOWN = 10  # texts without an answer that are named
_PROBLEMS = {
    NOT_UTF8: "expected UTF-8, got other bytes. Convert it, such as with iconv",
    TOO_LONG: f"expected at most {LONGEST:,} characters, got more. Split it",
}
_CONTROLS = re.compile("[\x7f-\x9f]")
_TEXT_SHOWN = 60  # characters, in a table
_COLUMNS = {  # of a table: heading, and characters of the widest cell; the text comes last
    "language": ("language", len("none: low confidence")),
    "margin": ("margin", len("99999.999")),
    "language_probability": ("probability", len("probability")),
    "sentiment": ("sentiment", len("none: no known words")),
    "positive_probability": ("positive", len("positive")),
}


def ask(chosen: argparse.Namespace) -> int:
    """Print one line per text, with a heading for texts of the command line unless they are asked for as JSON.

    Lines of standard input are answered as soon as they are there, those that are there together as one batch.

    Args:
        chosen: the words of the command line; `chosen.error` ends the process for wrong usage.

    Returns:
        0, or 1 if a text is not UTF-8 or too long.

    Raises:
        TextLSTMError: a model is missing or broken, or cannot answer what it is asked.
        BrokenPipeError: nobody reads the answers any more.
    """
    if sys.stdout is None:
        raise TextLSTMError("standard output: expected it to be open, got a closed one. Redirect it to a file")
    if chosen.texts:
        batches = iter([[text.encode("utf-8", "surrogateescape") for text in chosen.texts]])
    else:
        batches = batches_of_lines(sys.stdin.buffer) if sys.stdin else iter([])
    if chosen.only == "sentiment" and (chosen.languages or chosen.exact or chosen.spans):
        chosen.error("--languages, --exact and --spans are about the language: not allowed with --only sentiment")
    first = next(batches, [])
    if not first:
        chosen.error("expected a text, got none. Give it as an argument or on standard input")
    models = _load(chosen)
    heading = bool(chosen.texts) and not chosen.json
    number = unanswered = 0
    for texts in itertools.chain([first], batches):
        answers, problems = _answers(texts, models)
        if chosen.json:
            _print([_as_json(answer) for answer in answers], "utf-8")
        else:
            rows = [_row(answer, problems.get(place)) for place, answer in enumerate(answers)]
            _print([_heading(answers[0]), *rows] if heading else rows, sys.stdout.encoding)
        for place, problem in problems.items():
            unanswered += 1
            if unanswered <= _SHOWN:
                where = f"{'text' if chosen.texts else 'line'} {number + place + 1:,}"
                print(f"textlstm ask: {where}: {problem}: {_PROBLEMS[problem]}", file=sys.stderr)
        number += len(texts)
    if unanswered > _SHOWN:
        print(f"textlstm ask: and {unanswered - _SHOWN:,} more without an answer", file=sys.stderr)
    return int(unanswered > 0)


def _as_json(answer: Answer) -> str:
    r"""An answer as JSON in one line, with escapes for the control characters that JSON lets through and terminals obey.

    >>> _as_json({"text": "é \x1b \x9b \x7f"})
    '{"text": "é \\u001b \\u009b \\u007f"}'
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(answer, ensure_ascii=False))


def _answers(texts: list[bytes], models: list[Model]) -> tuple[list[Answer], dict[int, str]]:
    """The answer for each text, and by its place why one has none."""
    read = [_read(text) for text in texts]
    problems = {place: problem for place, (_, problem) in enumerate(read) if problem}
    asked = ["" if problem else text for text, problem in read]
    answers: list[Answer] = [{"text": None if problem == TOO_LONG else text} for text, problem in read]
    for model in models:
        answers = [answer | fields for answer, fields in zip(answers, model(asked), strict=True)]
    for place, problem in problems.items():
        answer = answers[place]
        reasons = {name: problem for name in ("reason", "sentiment_reason") if name in answer}
        nothing = dict.fromkeys(answer.keys() - {"text"}) | reasons
        answers[place] = answer | nothing
    return answers, problems


def _read(text: bytes) -> tuple[str, str | None]:
    """A text, and why it is not asked about; then what is not UTF-8 in it is replaced."""
    try:
        decoded, problem = text.decode("utf-8"), None
    except UnicodeDecodeError:
        decoded, problem = text.decode("utf-8", "replace"), NOT_UTF8
    return (decoded, TOO_LONG) if len(decoded) > LONGEST else (decoded, problem)


def batches_of_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    r"""The lines of a stream: all that are complete whenever more has come, a few thousand at a time.

    A line ends with "\n" or "\r\n" and nothing else. Of a line that is too long to be answered, its beginning.

    >>> import io
    >>> list(batches_of_lines(io.BytesIO(b"one\n\ntwo\r\nthree")))
    [[b'one', b'', b'two'], [b'three']]
    """
    begun = bytearray()  # of the line that is not complete
    while block := stream.read1(_AT_ONCE):  # type: ignore[attr-defined]  # what is there, without waiting for more
        first, *others = block.split(b"\n")
        begun += first[: _LONGEST_LINE - len(begun)]
        if others:
            *complete, rest = others
            lines = [bytes(begun), *complete]
            for begin in range(0, len(lines), _LINES):
                yield [line.removesuffix(b"\r") for line in lines[begin : begin + _LINES]]
            begun = bytearray(rest)
    if begun:
        yield [bytes(begun)]


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
        fields: list[Answer] = [
            {
                "language": one.language,
                "reason": one.reason,
                "margin": one.margin,
                "language_probability": one.probability,
            }
            for one in found
        ]
        if chosen.spans:
            for answer, spans in zip(fields, detector.spans(texts, languages=chosen.languages), strict=True):
                answer["spans"] = [span._asdict() for span in spans]
        return fields

    return answers


def _load_sentiment(chosen: argparse.Namespace) -> Model:
    from textlstm.loading import load_classifier

    classifier = load_classifier(chosen.models)
    return lambda texts: [
        {"sentiment": one.sentiment, "sentiment_reason": one.reason, "positive_probability": one.probability}
        for one in classifier.predict(texts, threshold=chosen.threshold)
    ]


def _heading(answer: Answer) -> str:
    return "  ".join([*(title.ljust(width) for key, (title, width) in _COLUMNS.items() if key in answer), "text"])


def _row(answer: Answer, problem: str | None) -> str:
    cells = [_cell(key, answer, problem).ljust(width) for key, (_, width) in _COLUMNS.items() if key in answer]
    text = answer["text"] or ""
    return "  ".join([*cells, _marked(text, answer["spans"]) if answer.get("spans") else _shown(text)]).rstrip()


def _marked(text: str, spans: list[Answer]) -> str:
    """A whole text with single spaces, and before each span its language and the probability of it.

    >>> _marked("yes, merci", [{"begin": 0, "end": 10, "language": "french", "probability": 0.75}])
    '[french 0.75] yes, merci'
    """
    return " ".join(
        f"[{span['language'] or 'none'}{'' if span['probability'] is None else format(span['probability'], ' .2f')}] "
        f"{printable(' '.join(text[span['begin'] : span['end']].split()))}"
        for span in spans
    )


def _shown(text: str) -> str:
    """The beginning of a text, with single spaces."""
    shown = printable(" ".join(text[: 4 * _TEXT_SHOWN].split()))
    return shown if len(shown) <= _TEXT_SHOWN else f"{shown[: _TEXT_SHOWN - 1]}…"


def _cell(key: str, answer: Answer, problem: str | None) -> str:
    value = answer[key]
    if value is None:
        of_sentiment = None if problem and "language" in answer else answer.get("sentiment_reason")
        reason = {"language": answer.get("reason"), "sentiment": of_sentiment}.get(key)
        return f"none: {reason}" if reason else "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _print(lines: list[str], encoding: str) -> None:
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode(encoding, "replace"))
    sys.stdout.flush()
