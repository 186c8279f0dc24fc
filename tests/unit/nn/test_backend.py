"""TensorFlow and Keras come without their notices, unless the import fails."""

import os
import subprocess
import sys
from pathlib import Path


def run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


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


def test_the_settings_of_another_project_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".keras").mkdir()
    settings = '{"backend": "jax", "floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}'
    (tmp_path / ".keras" / "keras.json").write_text(settings)
    code = (
        "import textlstm.nn.backend as b\n"
        "c = b.keras.config\n"
        "print(c.backend(), c.floatx(), c.epsilon(), c.image_data_format(), c.max_epochs())"
    )
    others = {
        "HOME": str(tmp_path),
        "KERAS_HOME": str(tmp_path / ".keras"),
        "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1",
    }
    for names in (["HOME"], list(others)):
        done = run(code, **{name: others[name] for name in names})
        assert (done.stdout.strip(), done.stderr) == ("tensorflow float32 1e-07 channels_last None", "")
