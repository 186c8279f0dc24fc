"""What every stage script does around its `main`: read its arguments, die with DVC, and fail with one clear message."""

import ctypes
import errno
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import disk_usage

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import name_full_disk, remove_leftovers
from textlstm.core.git import require_history
from textlstm.core.lockfile import keep_lock

UNDER_DVC = "DVC_STAGE"  # what DVC sets for a stage
_LITTLE = 1 << 20  # bytes: what has less is full


def run(main: Callable[..., None]) -> None:
    """Call `main` with the words of the command line, one per parameter.

    A TextLSTMError or an operating system's error (a full disk, a missing permission) ends the process with status 1
    and one message on standard error; a wrong number of words ends it with status 2. Ctrl-C ends it by its signal, with two
    lines. Any other exception is a bug and keeps its traceback.
    """
    stage = Path(sys.argv[0]).stem
    wanted = list(inspect.signature(main).parameters)
    words = sys.argv[1:]
    if len(words) != len(wanted):
        usage = " ".join([f"python -m stages.{stage}", *(name.upper() for name in wanted)])
        print(f"{stage}: expected {len(wanted)} argument(s), got {len(words)}. Usage: {usage}", file=sys.stderr)
        raise SystemExit(2)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as `stages` left it while modules were imported
        signal.signal(signal.SIGINT, signal.default_int_handler)
    die_with_parent()
    if UNDER_DVC in os.environ:
        keep_lock()
        remove_leftovers(Path("data"), Path("models"), Path("metrics"))
    try:
        _check_experiment()
        main(*words)
    except TextLSTMError as error:
        _fail(stage, str(error))
    except OSError as error:
        _fail(stage, explain(error))
    except KeyboardInterrupt:
        under_dvc = UNDER_DVC in os.environ
        again = "the same command" if under_dvc else " ".join(["python -m", f"stages.{stage}", *words])
        kept = "its last outputs are in DVC's cache, or in git" if under_dvc else "its outputs are as they were before"
        print(f"\n{stage}: interrupted; {kept}", file=sys.stderr)
        print(
            f"{stage}: {again} runs it again; what was complete is not repeated, and a training goes on where it was",
            file=sys.stderr,
            flush=True,
        )
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)  # the parent sees a program that Ctrl-C ended: status 130 in a shell


def _check_experiment() -> None:
    """Raise TextLSTMError when DVC runs an experiment in a temporary folder of a repository that cannot take it back."""
    root = os.environ.get("DVC_ROOT")
    if root and "DVC_EXP_NAME" in os.environ and Path(root).resolve() != Path.cwd().resolve():
        require_history(Path(root))


def _fail(stage: str, message: str) -> None:
    print(f"{stage}: {message}", file=sys.stderr)
    if UNDER_DVC in os.environ:
        print("The last good outputs are in DVC's cache: 'dvc checkout' brings them back.", file=sys.stderr)
    raise SystemExit(1)


def explain(error: OSError) -> str:
    """One message for an error of the operating system: where, what, and what to do about the usual ones."""
    folders = [Path.cwd(), Path(os.environ.get("TMPDIR") or "/tmp")]  # noqa: S108 - only looked at
    if not error.filename and (full := [one for one in folders if one.is_dir() and disk_usage(one).free < _LITTLE]):
        name_full_disk(error, *full)
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}the disk is full. Nothing was replaced; free some space and run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where}no permission to read or write it. Check the owner and the mode of the file and its folder"
    return f"{where}{error.strerror or error}"


def die_with_parent() -> None:
    """On Linux, ask for SIGKILL when DVC is killed: a stage that lives on would write into the outputs of the next one.

    `stages/__init__.py` has done so before, as the first thing that a stage does; this is for a stage that is called
    from elsewhere.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
