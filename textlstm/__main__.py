"""The command `textlstm`, also `python -m textlstm`: what a user does beside `dvc` and `make`, one subcommand for each.

A subcommand imports what it needs when it is called, so that `--help` takes no time.
"""

import argparse
import io
import os
import sys
from pathlib import Path

from textlstm.core.errors import TextLSTMError
from textlstm.core.text import LONGEST, NOT_UTF8, TOO_LONG, printable

_READ_LOCK = ("experiment", "sweep", "studies", "promote", "track")
_MODELS = "folder of the trained models (default: those installed with the package, or else models)"
_READER_GONE = 128 + 13  # the exit status that a shell gives a program that SIGPIPE ended


def main(words: list[str] | None = None) -> int:
    """Run a subcommand and return the exit status.

    0 when it did what it was asked. 1 when `report` finds a figure worse, `promote` cannot compare or `ask` is given a
    text that it cannot read, and, with one line on standard error, for a TextLSTMError, an error of the operating system
    or a package that is missing. 130 when it was interrupted. 141, without a word, when nobody reads its output any more.
    Wrong usage is SystemExit(2).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what its encoding lacks
    name = "textlstm"
    try:
        try:
            chosen = _parser().parse_args(words)
        finally:
            _flush()  # of --help
        name = f"textlstm {chosen.command}"
        # dvc, and the `python` that it runs stages with, are those of this environment, whether it is activated or not.
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        if chosen.command in _READ_LOCK:
            from textlstm.core.lockfile import restore_lock
            from textlstm.experiments.repro import remove_stale_rwlock

            restore_lock()
            remove_stale_rwlock()
        status = int(chosen.run(chosen))
        _flush()
        return status
    except TextLSTMError as error:
        message = str(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python's own last flush fails aloud
        return _READER_GONE
    except OSError as error:
        from textlstm.core.stage import explain

        message = explain(error)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("textlstm"):
            raise
        message = (
            f"the package {error.name} is missing. Activate the environment (source .venv/bin/activate), or install it"
        )
    except KeyboardInterrupt:
        print(f"{name}: interrupted; what was complete is kept", file=sys.stderr)
        return 130
    print("\n".join(map(printable, f"{name}: {message}".split("\n"))), file=sys.stderr)
    return 1


def _flush() -> None:
    if sys.stdout:  # which may be closed
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="textlstm", description="Language and sentiment of texts, by LSTMs and n-grams."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, more: str = "") -> argparse.ArgumentParser:
        description = f"{summary[0].upper()}{summary[1:]}. {more}"
        return commands.add_parser(name, help=summary, description=description)

    longest = f"A text of more than {LONGEST:,} characters has no answer but the reason '{TOO_LONG}'"
    unread = f"{longest}, one that is not UTF-8 the reason '{NOT_UTF8}'"
    lines = (
        f"Lines of standard input are answered one by one, in order, as they come. {unread}; the exit status is 1 then."
    )
    ask = command("ask", "tell the language and the sentiment of texts", lines)
    ask.add_argument("texts", nargs="*", metavar="TEXT", help="without any, one text per line of standard input")
    ask.add_argument("--json", action="store_true", help="one JSON object per line instead of a table")
    _add_question(ask)
    ask.add_argument("--exact", action="store_true", help="ask the LSTMs and n-grams themselves, not their table")
    ask.add_argument("--spans", action="store_true", help="also tell which parts of a text are in which language")
    ask.set_defaults(run=_ask, error=ask.error)

    rows = "Text, CSV, JSON Lines and Parquet, compressed or not; the answers are appended as columns."
    stopped = "Stopped, it goes on when called again."
    score = command("score", "tell the language and the sentiment of all rows of files", f"{rows} {unread}. {stopped}")
    score.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="a file, a folder, or a pattern of names such as 'data/**/*.csv'"
    )
    output = "a file, whose ending tells its format, or a folder, for files of the format of the input"
    score.add_argument("--output", type=Path, required=True, metavar="PATH", help=output)
    score.add_argument(
        "--column", metavar="NAME", help="the column that holds the text (default: text, or the only one)"
    )
    _add_question(score)
    score.add_argument("--prefix", default="", help="before the names of the columns that are appended")
    score.add_argument("--jobs", type=_jobs, metavar="N", help="processes (default: one per processor core)")
    score.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="processes of this machine, or of a Ray cluster"
    )
    cluster = "of the Ray cluster (default: $RAY_ADDRESS, or else a cluster of this machine alone)"
    score.add_argument("--address", help=cluster)
    score.set_defaults(run=_score, error=score.error)

    page = command("page", "serve a page on which to try the models", "Ctrl-C ends it.")
    page.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s, this machine alone)"
    )
    page.add_argument("--port", type=_port, default=8000, help="(default: %(default)s)")
    page.add_argument("--models", type=Path, help=_MODELS)
    page.set_defaults(run=_page)

    stays = "What a killed run left is put in order first; when a stage fails, its last good outputs come back."
    repro = command("repro", "run the pipeline with 'dvc repro', alone in this folder", stays)
    repro.add_argument("words", nargs=argparse.REMAINDER, metavar="...", help="for 'dvc repro'")
    repro.set_defaults(run=_repro)

    bytes_ = "It reads every byte of outputs and cache; what was altered is restored where there is a right copy."
    verify = command("verify", "check all outputs against dvc.lock, and make them again in a clean clone", bytes_)
    verify.add_argument("--files", action="store_true", help="only check the files, and reproduce nothing")
    near = "where bytes differ, as on another kind of processor, headline figures within 0.005 will do"
    verify.add_argument("--other-hardware", action="store_true", help=near)
    verify.set_defaults(run=_verify)

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


def _add_question(parser: argparse.ArgumentParser) -> None:
    """The options of both `ask` and `score`: which models are asked, and what."""
    parser.add_argument("--only", choices=["language", "sentiment"], help="ask one of the two models only")
    names = "the candidates, such as english,french (default: all)"
    parser.add_argument("--languages", type=_names, action="extend", metavar="LANGUAGE,...", help=names)
    least = "least probability of a language or a sentiment that is answered, 0 to 1; 0 answers every text (default: those of params.yaml)"
    parser.add_argument("--threshold", type=_probability, metavar="P", help=least)
    parser.add_argument("--models", type=Path, help=_MODELS)


def _names(words: str) -> list[str]:
    return [name.strip() for name in words.split(",")]


def _probability(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {word!r}")
    return value


def _ask(chosen: argparse.Namespace) -> int:
    from textlstm.ask import ask

    return ask(chosen)


def _jobs(word: str) -> int:
    if not word.isdigit() or not int(word):
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {word!r}")
    return int(word)


def _port(word: str) -> int:
    if not word.isdigit() or not 0 < int(word) < 65_536:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 65535, got {word!r}")
    return int(word)


def _cores() -> int:
    """The processor cores that this process may use, where the system says it, or else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _score(chosen: argparse.Namespace) -> int:
    from textlstm.score.answering import Question
    from textlstm.score.run import locally, score

    if chosen.only == "sentiment" and chosen.languages:
        chosen.error("--languages decides about the language: not allowed with --only sentiment")
    languages = tuple(chosen.languages) if chosen.languages else None
    question = Question(chosen.models, chosen.only, languages, chosen.threshold, chosen.prefix)
    if chosen.engine == "ray":
        from textlstm.score.on_ray import on_ray

        runner = on_ray(chosen.jobs, chosen.address)
    elif chosen.address:
        chosen.error("--address is that of a Ray cluster: expected --engine ray with it")
    else:
        runner = locally(chosen.jobs or _cores())
    score(chosen.inputs, chosen.output, chosen.column, question, runner)
    return 0


def _page(chosen: argparse.Namespace) -> int:
    from textlstm.page.app import serve

    serve(chosen.host, chosen.port, chosen.models, _cores())
    return 0


def _repro(chosen: argparse.Namespace) -> int:
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        _end_with_make()  # before the second that the imports take
    from textlstm.experiments.repro import repro

    return repro(chosen.words)


def _end_with_make() -> None:
    """Ask to be killed with make, and end if it has been already: a process of another session has taken its place then."""
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    try:
        orphan = os.getsid(os.getppid()) != os.getsid(0) != os.getpid()
    except OSError:
        orphan = True
    if orphan:
        raise SystemExit("textlstm repro: make, which started it, has ended")


def _verify(chosen: argparse.Namespace) -> int:
    from textlstm.experiments.verify import verify

    return verify(files_only=chosen.files, other_hardware=chosen.other_hardware)


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
