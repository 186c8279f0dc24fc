"""Asking loads numpy and little else: none of the libraries that training, measuring and serving take."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.detection.test_detector import ABC, compile_models, save_models
from tests.unit.sentiment.test_lstm import LABELS, TEXTS, tiny, untrained
from textlstm.core.files import write_sealed
from textlstm.core.settings import SentimentSettings
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm

ROOT = Path(__file__).parents[2]
HEAVY = {
    *("dvc", "keras", "matplotlib", "mlflow", "pandas", "pyarrow", "pydantic", "scipy", "sklearn", "tensorflow"),
    *("tqdm", "yaml"),
}
ASK = {
    "language": "from textlstm.detection.detector import load_detector as load\n",
    "exact": "import functools\nimport textlstm\nload = functools.partial(textlstm.load_detector, exact=True)\n",
    "sentiment": "from textlstm.sentiment.classifier import SentimentClassifier\nload = SentimentClassifier.load\n",
}
REST = """
import pathlib, sys
answers = load(pathlib.Path(sys.argv[1])).predict(["a good film", "bb", ""])
print(len(answers), *sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def models(settings: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for language in ("left", "right"):
        save_models(folder, language, ABC, ABC)
    compile_models(folder)
    untrained(tiny(settings)).save(folder / "imdb")
    config = NbsvmConfig(2, 1, 2, 10, True)
    train_nbsvm(TEXTS, LABELS, config, min_reviews=1, strength=1.0, seed=7).save(folder / "nbsvm")
    write_sealed(folder / "sentiment.json", SentimentSettings(0.5, 0.5, 0.5, [], [], []))
    return folder


@pytest.mark.parametrize("what", ASK)
def test_asking_loads_no_library_of_training(models: Path, what: str) -> None:
    command = [sys.executable, "-c", ASK[what] + REST, str(models)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    count, *loaded = done.stdout.split()
    assert count == "3"
    assert {"numpy", "textlstm"} <= set(loaded)
    assert not HEAVY & set(loaded)
