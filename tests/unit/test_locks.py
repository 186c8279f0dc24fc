"""The locks between processes: one at a time, whoever is killed does not keep one, and no system is needed that has `fcntl`."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.experiments.runner import alone
from textlstm.tracking.store import locked

ROOT = Path(__file__).parents[2]


@contextmanager
def held(lock: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock, until the test kills it."""
    code = f"import sys, time\nfrom pathlib import Path\n{lock}\n    print('held', flush=True)\n    time.sleep(600)"
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_sweep_of_a_study_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    lock = "from textlstm.experiments.runner import alone\nwith alone(Path(sys.argv[1]), 'units'):"
    with held(lock, tmp_path) as other:
        for _ in range(2):
            with pytest.raises(
                TextLSTMError, match=r"study units: another process runs it already\. Wait for it, or stop it"
            ):
                alone(tmp_path, "units")
        other.kill()
        other.wait()
        for _ in range(2):
            with alone(tmp_path, "units"):
                pass


def test_deliveries_wait_for_each_other_and_not_for_one_that_was_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = "from textlstm.tracking.store import locked\nwith locked(Path(sys.argv[1])):"
    with held(lock, tmp_path) as other:
        killing = threading.Timer(0.5, other.kill)
        killing.start()
        with locked(tmp_path):
            assert killing.finished.is_set()
        killing.join()
        with locked(tmp_path):
            pass
    said = capsys.readouterr().err
    assert said == f"mlflow: another process of {tmp_path} is tracking or promoting; waiting for it\n"


def test_no_module_needs_fcntl() -> None:
    code = "import sys\nsys.modules['fcntl'] = None\nimport textlstm.experiments.sweep, textlstm.tracking.runs"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, check=True)
