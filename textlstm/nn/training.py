"""What all trainings share: optimizers, seeded shuffling, and progress that suits a terminal or a log."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from textlstm.nn.backend import keras, tf
from textlstm.nn.checkpoint import Checkpoint, Progress
from textlstm.nn.live import reporting

Batch = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # inputs and targets


def make_optimizer(
    name: str, learning_rate: float, schedule: str, clip: float, steps: int
) -> keras.optimizers.Optimizer:
    """The optimizer of that name.

    Args:
        name: adam, adamw, rmsprop or sgd.
        learning_rate: its highest value.
        schedule: "constant"; "cosine": up from a twentieth in the first hundredth of the steps, then down to a fiftieth
            along a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983); "one_cycle": up in the first quarter of the
            steps, then down, both straight (Smith 2018, arXiv 1803.09820).
        clip: longest gradient, over all weights together; 0 = any (Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063).
        steps: of the whole training.
    """
    rate: Any = learning_rate
    if schedule == "cosine":
        warmup = max(steps // 100, 1)
        rate = keras.optimizers.schedules.CosineDecay(
            learning_rate / 20, max(steps - warmup, 1), alpha=0.02, warmup_target=learning_rate, warmup_steps=warmup
        )
    elif schedule == "one_cycle":
        rate = OneCycle(learning_rate, steps)
    optimizers = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    return optimizers[name](learning_rate=rate, global_clipnorm=clip or None)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning rate that rises for a quarter of the steps and falls to a hundredth in the rest."""

    def __init__(self, highest: float, steps: int) -> None:
        self._highest, self._steps = highest, steps

    def __call__(self, step: Any) -> Any:
        """The rate at a step."""
        done = keras.ops.cast(step, "float32") / self._steps
        return self._highest * keras.ops.maximum(keras.ops.minimum(done / 0.25, (1.0 - done) / 0.75), 0.01)


def permutation(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order of `count` things in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def fit(
    model: keras.Model,
    counts: Sequence[int],
    make: Callable[[int, int], Batch],
    *,
    steps_per_call: int = 1,
    checkpoint: Checkpoint | None = None,
) -> list[float]:
    """Train a compiled model: a progress bar on a terminal, one line per epoch in a log.

    With $TEXTLSTM_LIVE the loss can be watched meanwhile: see `textlstm.nn.live`.

    Not `Model.fit` of Keras 3.15 over a PyDataset (no workers, no shuffling, `steps_per_execution` as here): called
    once per epoch it gives the same weights to the last bit, but takes 42 ms of processor time per step of the language
    model in place of 35, and 10.4 s for the first 133 steps in place of 7.2 (medians of 4 interleaved runs, 2 CPU
    cores), and its loss, a running mean in float32, differs in the seventh digit. Called once for all epochs, it makes
    the first batches of an epoch before `on_epoch_end` of the epoch before. Either way it fixes the shape of a row
    after two batches, while that of bucketed reviews changes.

    Args:
        model: compiled, without metrics.
        counts: number of batches in each epoch.
        make: gives the batch of an epoch and an index, both counting from 0.
        steps_per_call: steps that TensorFlow takes before it comes back to Python. Changes no result; for small
            networks, whose steps take no longer than the way there and back, it saves time. Above 1, batches may differ
            in their number of rows only.
        checkpoint: where the state is kept; the training goes on from it if it is there.

    Returns:
        The mean loss of each epoch.
    """
    model.optimizer.build(model.trainable_variables)
    done = checkpoint.restore(model) if checkpoint else Progress()
    take = _one_by_one(model) if steps_per_call == 1 else _in_one_call(model, make(0, 0))
    with reporting() as report:
        for epoch, loss in enumerate(done.losses):  # of a training that goes on, for who watches this one
            report.epoch(epoch + 1, sum(counts[: epoch + 1]), loss)
        while done.epoch < len(counts):
            epoch, count = done.epoch, counts[done.epoch]
            title = f"epoch {epoch + 1} of {len(counts)}"
            with tqdm(total=count, initial=done.index, desc=title, disable=None, leave=False) as bar:
                for begin in range(done.index, count, steps_per_call):
                    batches = [make(epoch, index) for index in range(begin, min(begin + steps_per_call, count))]
                    for loss, (inputs, _) in zip(take(batches), batches, strict=True):
                        done.total += loss * len(inputs)
                        done.seen += len(inputs)
                    done.index += len(batches)
                    done.step += len(batches)
                    report.step(epoch + 1, done.step, done.total / done.seen)
                    bar.set_postfix(loss=f"{done.total / done.seen:.4f}", refresh=False)
                    bar.update(len(batches))
                    if checkpoint and done.index < count:
                        checkpoint.offer(model, done)
            losses = [*done.losses, done.total / done.seen]
            done = Progress(epoch=epoch + 1, step=done.step, losses=losses)
            report.epoch(epoch + 1, done.step, losses[-1])
            print(f"{title}: loss {losses[-1]:.4f}", flush=True)
            if checkpoint and done.epoch < len(counts):
                checkpoint.offer(model, done)
    return done.losses


_Steps = Callable[[Sequence[Batch]], list[float]]  # takes one step per batch; returns the loss of each


def _one_by_one(model: keras.Model) -> _Steps:
    return lambda batches: [float(model.train_on_batch(inputs, targets)) for inputs, targets in batches]


def _in_one_call(model: keras.Model, example: Batch) -> _Steps:
    """The steps that `train_on_batch` takes, as a loop inside one graph; `example` gives shape of a row and types."""
    signature = [tf.TensorSpec((None, None, *array.shape[1:]), array.dtype) for array in example]

    @tf.function(input_signature=[*signature, tf.TensorSpec((None,), tf.int32)])  # type: ignore[untyped-decorator]
    def take(inputs: Any, targets: Any, rows: Any) -> Any:
        losses = tf.TensorArray(tf.float32, size=tf.shape(rows)[0])
        for index in tf.range(tf.shape(rows)[0]):
            model.reset_metrics()  # the loss that Keras keeps is a mean over the steps since
            batch = (inputs[index, : rows[index]], targets[index, : rows[index]])
            losses = losses.write(index, model.train_step(batch)["loss"])
        return losses.stack()

    def steps(batches: Sequence[Batch]) -> list[float]:
        rows = [len(inputs) for inputs, _ in batches]
        inputs, targets = (np.zeros((len(rows), max(rows), *array.shape[1:]), array.dtype) for array in example)
        for index, batch in enumerate(batches):
            inputs[index, : rows[index]], targets[index, : rows[index]] = batch
        return [float(loss) for loss in take(inputs, targets, np.array(rows, dtype=np.int32)).numpy()]

    return steps
