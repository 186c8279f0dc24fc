"""TensorFlow and Keras come without their notices, unless the import fails."""

import subprocess
import sys


def run(code: str) -> "subprocess.CompletedProcess[str]":
    """A Python of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)


def test_a_network_works_and_nothing_is_said_on_the_way() -> None:
    code = (
        "import numpy as np\n"
        "from textlstm.nn.backend import keras\n"
        "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer='ones')])\n"
        "model.compile('sgd', 'mse')\n"
        "model.train_on_batch(np.zeros((4, 2)), np.zeros((4, 1)))\n"
        "print(model.predict_on_batch(np.ones((1, 2)))[0, 0])"
    )
    done = run(code)
    assert (done.stdout.strip(), done.stderr) == ("2.0", "")


def test_an_import_that_fails_shows_what_was_said() -> None:
    code = (
        "import os, sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'keras':\n"
        "            os.write(2, b'a notice')\n"
        "            raise ImportError('broken')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "import textlstm.nn.backend"
    )
    done = run(code)
    assert done.returncode == 1
    assert "a notice" in done.stderr
    assert "ImportError: broken" in done.stderr
