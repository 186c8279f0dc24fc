"""The command `textlstm`, also `python -m textlstm`: what a user does beside `dvc` and `make`, one subcommand for each.

A subcommand imports what it needs when it is called, so that `--help` takes no time.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from textlstm.core.errors import TextLSTMError
from textlstm.core.stage import explain


def main(words: list[str] | None = None) -> int:
    """Run a subcommand and return the exit status.

    0 when it did what it was asked. 1 when `report` finds a figure worse or `promote` cannot compare, and, with one
    line on standard error, for a TextLSTMError or an error of the operating system. 130 when it was interrupted. Wrong
    usage is SystemExit(2).
    """
    chosen = _parser().parse_args(words)
    # dvc, and the `python` that it runs stages with, are those of this environment, whether it is activated or not.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        return int(chosen.run(chosen))
    except TextLSTMError as error:
        message = str(error)
    except OSError as error:
        message = explain(error)
    except KeyboardInterrupt:
        print(f"textlstm {chosen.command}: interrupted; what was complete is kept", file=sys.stderr)
        return 130
    print(f"textlstm {chosen.command}: {message}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="textlstm", description="Language and sentiment of texts, by LSTMs and n-grams."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, more: str = "") -> argparse.ArgumentParser:
        description = f"{summary[0].upper()}{summary[1:]}. {more}"
        return commands.add_parser(name, help=summary, description=description)

    ask = command("ask", "tell the language and the sentiment of texts")
    ask.add_argument("texts", nargs="*", metavar="TEXT", help="without any, one text per line of standard input")
    ask.add_argument("--json", action="store_true", help="one JSON object per line instead of a table")
    ask.add_argument("--only", choices=["language", "sentiment"], help="ask one of the two models only")
    ask.add_argument(
        "--models", type=Path, default=Path("models"), help="folder of the trained models (default: models)"
    )
    ask.set_defaults(run=_ask, error=ask.error)

    experiment = command("experiment", "run a named experiment, or list them")
    experiment.add_argument(
        "name", nargs="?", metavar="NAME", help="runs experiments/NAME.yaml; without it, all are listed"
    )
    experiment.set_defaults(run=_experiment)

    sweep = command("sweep", "search over parameters", "Ctrl-C stops it; the same command goes on.")
    sweep.add_argument("study", type=Path, metavar="STUDY", help="what to search, such as studies/smoke.yaml")
    sweep.set_defaults(run=_sweep)

    measure = "Each state is a DVC experiment. Ctrl-C stops it; the same command goes on."
    studies = command("studies", "measure the spread over seeds, and what more data are worth", measure)
    studies.add_argument("study", nargs="?", choices=["spread", "learning_curve"], help="which; by default both")
    studies.add_argument("--seeds", type=int, default=5, help="how many, for the spread (default: %(default)s)")
    studies.add_argument("--dataset", choices=["language", "imdb"], help="of the learning curve; by default both")
    fewer = "of the learning curve of one dataset, in place of the usual ones: characters of drawn words, or reviews"
    studies.add_argument("--sizes", type=int, nargs="+", metavar="SIZE", help=fewer)
    studies.set_defaults(run=_studies)

    worse = "With BASE, the exit status is 1 if a figure is worse by more than its 95 % interval."
    report = command("report", "print the headline figures, or compare them with those of another commit", worse)
    report.add_argument("base", nargs="?", metavar="BASE", help="the commit to compare with, such as origin/main")
    report.add_argument("--pictures", type=Path, metavar="FOLDER", help="also draw the plots of metrics/, as PNG files")
    report.set_defaults(run=_report)

    better = "What beats the champion on the same held-out data becomes the champion; "
    undecided = "the exit status is 1 if they cannot be compared."
    promote = command("promote", "register the models in MLflow and compare them with the champion", better + undecided)
    how = promote.add_mutually_exclusive_group()
    how.add_argument(
        "--register-only", action="store_true", help="register the models, and leave the champion as it is"
    )
    without = "take the new version without a comparison where the held-out data are others"
    how.add_argument("--first-of-its-data", action="store_true", help=without)
    promote.set_defaults(run=_promote)

    again = "What is recorded already is not recorded again."
    track = command("track", "record the present state in MLflow, with all that could not be delivered before", again)
    track.set_defaults(run=_track)
    return parser


def _ask(chosen: argparse.Namespace) -> int:
    texts = chosen.texts or [line for line in sys.stdin.read().splitlines() if line.strip()]
    if not texts:
        chosen.error("expected a text, got none. Give it as an argument or on standard input")
    answers = _answer(texts, chosen.models, chosen.only)
    if chosen.json:
        for answer in answers:
            print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_table(answers)
    return 0


def _answer(texts: list[str], models: Path, only: str | None) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = [{"text": text} for text in texts]
    if only != "sentiment":
        from textlstm.detection.detector import load_detector

        for answer, found in zip(answers, load_detector(models).predict(texts), strict=True):
            answer |= {"language": found.language, "reason": found.reason}
            answer |= {"margin": found.margin, "language_probability": found.probability}
    if only != "language":
        from textlstm.sentiment.classifier import SentimentClassifier

        for answer, review in zip(answers, SentimentClassifier.load(models).predict(texts), strict=True):
            answer |= {"sentiment": review.sentiment, "positive_probability": review.probability}
    return answers


def _print_table(answers: list[dict[str, Any]]) -> None:
    shown = [{key: _cell(key, value, answer) for key, value in answer.items() if key != "reason"} for answer in answers]
    rows = [[key.replace("_", " ") for key in shown[0]], *(list(row.values()) for row in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(key: str, value: object, answer: dict[str, Any]) -> str:
    if value is None:
        reason = {"language": answer.get("reason"), "sentiment": "no words"}.get(key)
        return f"none: {reason}" if reason else "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _experiment(chosen: argparse.Namespace) -> int:
    from textlstm.experiments import named

    if chosen.name is None:
        for name, title in named.titles().items():
            print(f"{name:22} {title}")
    else:
        named.run_named(chosen.name)
    return 0


def _sweep(chosen: argparse.Namespace) -> int:
    from textlstm.experiments.sweep import run_study

    return 130 if run_study(chosen.study) else 0


def _studies(chosen: argparse.Namespace) -> int:
    from textlstm.experiments.studies import measure

    measure(chosen.study, chosen.seeds, chosen.dataset, chosen.sizes)
    return 0


def _report(chosen: argparse.Namespace) -> int:
    from textlstm.core import paths
    from textlstm.evaluation.report import headlines, report

    if chosen.pictures:
        from textlstm.evaluation.plots import draw_pictures

        draw_pictures(paths.CURVES, paths.PLOTS, chosen.pictures)
    lines, worse = report(chosen.base) if chosen.base else (headlines(), [])
    print("\n".join(lines))
    return int(bool(worse))


def _promote(chosen: argparse.Namespace) -> int:
    from textlstm.tracking import registry

    registry.check_unchanged()
    verdicts = registry.run(promoting=not chosen.register_only, first_of_its_data=chosen.first_of_its_data)
    return int(not all(verdict.decided for verdict in verdicts))


def _track(_: argparse.Namespace) -> int:
    from textlstm.tracking.runs import track

    track()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
