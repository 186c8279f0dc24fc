"""What every stage script does around its `main`: read its arguments, die with DVC, and fail with one clear message."""

import ctypes
import errno
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from textlstm.core.errors import TextLSTMError


def run(main: Callable[..., None]) -> None:
    """Call `main` with the words of the command line, one per parameter.

    A TextLSTMError or an operating system's error (a full disk, a missing permission) ends the process with status 1
    and one message on standard error; a wrong number of words ends it with status 2. Any other exception is a bug and
    keeps its traceback.
    """
    stage = Path(sys.argv[0]).stem
    wanted = list(inspect.signature(main).parameters)
    words = sys.argv[1:]
    if len(words) != len(wanted):
        usage = " ".join([f"python -m stages.{stage}", *(name.upper() for name in wanted)])
        print(f"{stage}: expected {len(wanted)} argument(s), got {len(words)}. Usage: {usage}", file=sys.stderr)
        raise SystemExit(2)
    _die_with_parent()
    try:
        main(*words)
    except TextLSTMError as error:
        _fail(stage, str(error))
    except OSError as error:
        _fail(stage, explain(error))


def _fail(stage: str, message: str) -> None:
    print(f"{stage}: {message}", file=sys.stderr)
    if "DVC_STAGE" in os.environ:
        print("The last good outputs are in DVC's cache: 'dvc checkout' brings them back.", file=sys.stderr)
    raise SystemExit(1)


def explain(error: OSError) -> str:
    """One message for an error of the operating system: where, what, and what to do about the usual ones."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}the disk is full. Nothing was replaced; free some space and run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where}no permission to read or write it. Check the owner and the mode of the file and its folder"
    return f"{where}{error.strerror or error}"


def _die_with_parent() -> None:
    """On Linux, ask for SIGKILL when DVC is killed: a stage that lives on would write into the outputs of the next one."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
