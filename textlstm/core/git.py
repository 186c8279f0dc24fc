"""Git, and the repository that a program belongs to."""

import os
import subprocess
from pathlib import Path

from textlstm.core.errors import TextLSTMError

_NOT_TRUSTED = "dubious ownership"  # in what git says
ROOT = "TEXTLSTM_ROOT"  # the setting that tells an experiment in a clone which repository it is of


def git(*words: str, folder: Path = Path(), check: bool = True) -> str:
    """What a git command prints, without the line end; "" if it fails and `check` is off.

    Raises:
        TextLSTMError: it failed, with what git says; or there is no git. Whatever `check` is, a repository that git does
            not trust because it is another user's: to take it for none would give wrong answers.
    """
    english = os.environ | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, encoding="utf-8", check=False, env=english
        )
    except FileNotFoundError:
        if check:
            raise TextLSTMError("git: expected the program on the PATH, got none. Install Git and run again") from None
        return ""
    if done.returncode and (check or _NOT_TRUSTED in done.stderr):
        said = " ".join(done.stderr.split())[-500:] or f"exit status {done.returncode}"
        raise TextLSTMError(f"{folder.resolve()}: 'git {' '.join(words[:3])}' failed: {said}")
    return "" if done.returncode else done.stdout.rstrip()


def require_history(folder: Path) -> None:
    """Raise TextLSTMError for a shallow clone: what DVC runs in a copy of one cannot come back, and DVC does not say so."""
    if git("rev-parse", "--is-shallow-repository", folder=folder, check=False) == "true":
        raise TextLSTMError(
            f"{folder}: expected the whole history, got a shallow clone (git clone --depth), which cannot take an experiment "
            "back. Run 'git fetch --unshallow' and run again"
        )


def repository_root() -> Path:
    """The root of the repository that a program belongs to, by hand, in a stage or in an experiment.

    DVC says which it is, also to an experiment in a temporary folder; $TEXTLSTM_ROOT, for one in a clone, wins.
    """
    named = os.environ.get(ROOT) or os.environ.get("DVC_ROOT")
    return Path(named or git("rev-parse", "--show-toplevel", check=False) or Path.cwd()).resolve()
