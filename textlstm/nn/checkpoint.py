"""Where a training goes on after it was stopped: its whole state in one file, written now and then, deleted at the end.

The state is that of every variable (weights, optimizer, the seeds of dropout and samples), how far the training is, and
the sums that the loss of an epoch is made from; the order of the data follows from the seed. So a training that was
stopped and goes on gives the same bytes as one that was not. Keras's BackupAndRestore keeps weights and optimizer at the
end of an epoch, but neither the seeds of dropout nor the losses before.

A checkpoint belongs to one stage, its parameters, the contents of its inputs and the present code: their digest is its
name, so that any other training starts from the beginning.
"""

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import hash_file, read_arrays, write_arrays
from textlstm.core.git import repository_root
from textlstm.nn.backend import keras, tf

_COST = 0.01  # share of the time that may be spent on checkpoints
_SECONDS = 30.0  # between two checkpoints inside an epoch, at least
_DAYS = 14  # after which a checkpoint that nobody has asked for is deleted


@dataclass
class Progress:
    """How far a training is."""

    epoch: int = 0  # counted from 0, as `index`: what comes next
    index: int = 0  # of the batch
    step: int = 0  # taken in all
    total: float = 0.0  # of the losses of this epoch's rows
    seen: int = 0  # rows of this epoch
    losses: list[float] = field(default_factory=list)  # of the epochs that have ended


_PROGRESS = tuple(one.name for one in fields(Progress))


def checkpoint_folder() -> Path:
    """Where checkpoints lie: at the root of the repository, also when the training works in a temporary copy of it."""
    return repository_root() / ".textlstm" / "checkpoints"


@contextlib.contextmanager
def checkpointing(settings: Mapping[str, Any], inputs: Sequence[Path]) -> Iterator["Checkpoint"]:
    """The checkpoint of the present stage, deleted when the block ends well.

    Args:
        settings: all parameters that the training depends on.
        inputs: the files that it reads.
    """
    folder = checkpoint_folder()
    stage = "-".join([Path(sys.argv[0]).stem, *sys.argv[1:]])
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    digest = hashlib.sha256(json.dumps([stage, settings, tf.__version__, keras.__version__]).encode())
    for path in (*inputs, *sources):
        digest.update(hash_file(path).encode())
    for old in folder.glob("*.npz"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _DAYS * 86_400:
                old.unlink()
    checkpoint = Checkpoint(folder / f"{stage}-{digest.hexdigest()[:32]}.npz")
    yield checkpoint
    checkpoint.delete()


class Checkpoint:
    """One file, which holds the state of one training."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = time.monotonic()
        self._took = 0.0  # seconds, for the last one

    def restore(self, model: keras.Model) -> Progress:
        """Give a compiled model the state that was kept, and say how far it is; a broken file counts as none."""
        self._last = time.monotonic()
        if not self.path.exists():
            return Progress()
        variables = _variables(model)
        try:
            kept = read_arrays(self.path, *_PROGRESS, *map(str, range(len(variables))))
            for number, variable in enumerate(variables):
                if kept[str(number)].shape != tuple(variable.shape):
                    raise TextLSTMError(f"{self.path}: the shape of variable {number} is another one")
        except TextLSTMError as error:
            print(f"The training starts from the beginning: its checkpoint cannot be used ({error})", file=sys.stderr)
            self.path.unlink(missing_ok=True)
            return Progress()
        for number, variable in enumerate(variables):
            variable.assign(kept[str(number)])
        of = {name: kept[name].tolist() for name in _PROGRESS}
        print(f"The training goes on in epoch {of['epoch'] + 1}, after {of['step']:,} steps", flush=True)
        return Progress(**of)

    def offer(self, model: keras.Model, progress: Progress) -> None:
        """Keep the state, unless that was done a short time ago; without space, the training goes on without checkpoints."""
        now = time.monotonic()
        if now - self._last < max(self._took / _COST, _SECONDS if progress.index else 0.0):
            return
        arrays = {name: np.asarray(getattr(progress, name)) for name in _PROGRESS}
        arrays |= {str(number): np.asarray(variable) for number, variable in enumerate(_variables(model))}
        try:
            write_arrays(self.path, **arrays)
        except OSError as error:  # on purpose: a full disk must not cost the training
            print(f"No checkpoint could be written ({error.strerror}); the training goes on", file=sys.stderr)
            self._last = float("inf")
            return
        self._last = time.monotonic()
        self._took = self._last - now

    def delete(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def _variables(model: keras.Model) -> list[Any]:
    """All that changes in training, in an order that does not change."""
    return [*model.variables, *model.optimizer.variables]
