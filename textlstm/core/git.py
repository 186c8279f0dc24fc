"""Git, and the repository that a program belongs to."""

import os
import subprocess
from pathlib import Path

from textlstm.core.errors import TextLSTMError

ROOT = "TEXTLSTM_ROOT"  # the setting that tells an experiment in a clone which repository it is of


def git(*words: str, folder: Path = Path(), check: bool = True) -> str:
    """What a git command prints, without the line end; "" if it fails and `check` is off.

    Raises:
        TextLSTMError: it failed, with what git says; or there is no git.
    """
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, encoding="utf-8", check=check)
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()[-500:] or f"exit status {error.returncode}"
        raise TextLSTMError(f"{folder.resolve()}: 'git {' '.join(words[:3])}' failed: {said}") from None
    except FileNotFoundError:
        if check:
            raise TextLSTMError("git: expected the program on the PATH, got none. Install Git and run again") from None
        return ""
    return "" if done.returncode else done.stdout.rstrip()


def repository_root() -> Path:
    """The root of the repository that a program belongs to, by hand, in a stage or in an experiment.

    DVC says which it is, also to an experiment in a temporary folder; $TEXTLSTM_ROOT, for one in a clone, wins.
    """
    named = os.environ.get(ROOT) or os.environ.get("DVC_ROOT")
    return Path(named or git("rev-parse", "--show-toplevel", check=False) or Path.cwd()).resolve()
