"""TensorFlow and Keras come without libraries that they do not need here, and leave these as they are."""

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "pandas", "sklearn")


def run(code: str) -> str:
    """What a Python of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert not done.stderr
    return done.stdout.strip()


def test_a_network_works_without_libraries_that_only_wrappers_of_keras_need() -> None:
    code = (
        "import sys, numpy as np\n"
        "from textlstm.nn.backend import keras\n"
        "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer='ones')])\n"
        "model.compile('sgd', 'mse')\n"
        "model.train_on_batch(np.zeros((4, 2)), np.zeros((4, 1)))\n"
        f"print(model.predict_on_batch(np.ones((1, 2)))[0, 0], [name for name in {HEAVY} if name in sys.modules])"
    )
    assert run(code) == "2.0 []"


def test_they_are_there_for_whoever_asks_for_them_afterwards() -> None:
    code = (
        "import textlstm.nn.backend\n"
        "import pandas, sklearn.linear_model, matplotlib.colors, numpy as np\n"
        "model = sklearn.linear_model.LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])\n"
        "print(pandas.DataFrame({'a': [1, 2]})['a'].sum(), model.predict([[5.0]])[0], matplotlib.colors.to_hex('red'))"
    )
    assert run(code) == "3 1 #ff0000"


@pytest.mark.parametrize("name", HEAVY)
def test_one_that_is_loaded_already_stays_the_same(name: str) -> None:
    assert run(f"import sys, {name}\nimport textlstm.nn.backend\nprint(sys.modules['{name}'] is {name})") == "True"


def test_an_import_that_fails_hides_nothing_from_then_on() -> None:
    code = (
        "import sys\n"
        "sys.modules['tensorflow'] = None\n"
        "try:\n"
        "    import textlstm.nn.backend\n"
        "except ImportError as error:\n"
        "    import pandas\n"
        "    print(type(error).__name__, pandas.Series([3]).max())"
    )
    assert run(code) == "ModuleNotFoundError 3"
