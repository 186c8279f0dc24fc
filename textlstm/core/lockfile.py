"""A second copy of `dvc.lock`: DVC empties the file before it writes it, so that a kill in between leaves none.

Each stage that DVC runs keeps the file that DVC has just read or written, in `.textlstm`. `make repro` and the commands
that read `dvc.lock` put the copy back when the file is broken. By hand: `cp .textlstm/dvc.lock dvc.lock`.
"""

import contextlib
import sys
from pathlib import Path
from typing import Any

import yaml

from textlstm.core.files import atomic, read_text
from textlstm.core.git import git

LOCK = Path("dvc.lock")
KEPT = Path(".textlstm/dvc.lock")


def locked_stages(path: Path = LOCK) -> dict[str, Any]:
    """What `dvc.lock` says of each stage, by name; a missing file is a TextLSTMError."""
    return dict((yaml.safe_load(read_text(path)) or {}).get("stages", {}))


def keep_lock() -> None:
    """Keep the present `dvc.lock`, which DVC has read without an error; a full disk does not stop the stage."""
    with contextlib.suppress(OSError):
        content = LOCK.read_bytes()
        if content and (not KEPT.exists() or KEPT.read_bytes() != content):
            with atomic(KEPT) as temporary:
                temporary.write_bytes(content)


def restore_lock() -> None:
    """Put back the last `dvc.lock` that was whole, if the present one is not: the copy, or that of the last commit.

    Where there is neither, the file is set aside: DVC cannot read it.
    """
    if not LOCK.exists() or _is_whole(LOCK.read_bytes()):
        return
    committed = git("show", f"HEAD:{LOCK}", check=False).encode() + b"\n"
    for source, content in ((str(KEPT), KEPT.read_bytes() if KEPT.exists() else b""), ("the last commit", committed)):
        if _is_whole(content):
            with atomic(LOCK) as temporary:
                temporary.write_bytes(content)
            print(f"{LOCK} was cut off in the middle of a write; put back from {source}", file=sys.stderr)
            return
    aside = LOCK.with_suffix(".lock.broken")
    LOCK.replace(aside)
    print(f"{LOCK} was cut off in the middle of a write, and there is no copy: it is now {aside}", file=sys.stderr)


def _is_whole(content: bytes) -> bool:
    """Whether it is what DVC takes for a lock file; cut off at the end of a line, it may be, and has fewer stages."""
    if not content.endswith(b"\n"):
        return False
    try:
        value = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    stages = value.get("stages", {}) if isinstance(value, dict) else None
    return isinstance(stages, dict) and all(isinstance(stage, dict) for stage in stages.values())
