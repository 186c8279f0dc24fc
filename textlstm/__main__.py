"""Ask the trained models: python -m textlstm "a text" "another", or one text a line on standard input."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from textlstm.core.errors import TextLSTMError


def main(words: list[str] | None = None) -> int:
    """Answer for each text, as a table or as lines of JSON; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m textlstm", description="Tell the language and the mood of texts.")
    parser.add_argument("texts", nargs="*", help="texts; without any, one a line is read from standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    parser.add_argument("--only", choices=["language", "sentiment"], help="ask one of the two models only")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the trained models (default: models)")
    chosen = parser.parse_args(words)
    texts = chosen.texts or [line for line in sys.stdin.read().splitlines() if line.strip()]
    if not texts:
        print("textlstm: expected a text, got none. Give it as an argument or on standard input", file=sys.stderr)
        return 2
    try:
        answers = _answer(texts, chosen.models, chosen.only)
    except TextLSTMError as error:
        print(f"textlstm: {error}", file=sys.stderr)
        return 1
    if chosen.json:
        for answer in answers:
            print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_table(answers)
    return 0


def _answer(texts: list[str], models: Path, only: str | None) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = [{"text": text} for text in texts]
    if only != "sentiment":
        from textlstm.detection.detector import detect, load_detector

        for answer, guess in zip(answers, detect(load_detector(models), texts), strict=True):
            answer |= {"language": guess.language, "reason": guess.reason}
            answer |= {"log_odds": guess.log_odds, "language_probability": guess.probability}
    if only != "language":
        from textlstm.sentiment.classifier import SentimentClassifier

        for answer, prediction in zip(answers, SentimentClassifier.load(models).predict(texts), strict=True):
            answer |= {"sentiment": prediction.sentiment, "positive_probability": prediction.probability}
    return answers


def _print_table(answers: list[dict[str, Any]]) -> None:
    shown = [{key: _cell(key, value, answer) for key, value in answer.items() if key != "reason"} for answer in answers]
    rows = [[key.replace("_", " ") for key in shown[0]], *(list(row.values()) for row in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(key: str, value: object, answer: dict[str, Any]) -> str:
    if value is None:
        if key == "language" and answer["reason"] == "neither":
            return "neither"
        return "cannot tell" if key in ("language", "sentiment") else "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


if __name__ == "__main__":
    raise SystemExit(main())
