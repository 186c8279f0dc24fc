"""TensorFlow and Keras, imported without the notices that they print on the way.

TensorFlow writes to standard error before it can be told not to (about oneDNN, missing GPU drivers, its own logging).
They are caught here, and shown only if the import fails. Whoever needs Keras imports it from here.

Keras takes its backend and its kind of numbers from a keras.json in the home folder, which may be that of another
project, and from KERAS_ variables. Here neither counts: what decides a training stands in params.yaml and in the code.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for _name in [name for name in os.environ if name.startswith("KERAS_")]:  # KERAS_MAX_EPOCHS would stop a training
    del os.environ[_name]
os.environ["KERAS_HOME"] = os.devnull  # no folder: no keras.json is read, and none is written
os.environ["KERAS_BACKEND"] = "tensorflow"


@contextlib.contextmanager
def _notices_caught() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        except Exception:
            caught.seek(0)
            os.write(kept, caught.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _notices_caught():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # the look for GPUs is what prints the last of the notices

keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")

POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
}  # Keras's names; in bfloat16, weights and updates stay float32


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU, where Keras's LSTM uses cuDNN's if it is not unrolled."""
    return bool(tf.config.list_physical_devices("GPU"))


__all__ = ["POLICIES", "has_gpu", "keras", "tf"]
