"""A port that is taken is said before a server starts."""

import socket
import subprocess
from pathlib import Path

import pytest

from tools.free_port import main

ROOT = Path(__file__).parents[3]


def test_a_taken_port_is_one_line_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(port) == 1
        said = capsys.readouterr().err
        assert said.startswith(
            f"port {port} of 127.0.0.1: Address already in use. If MLflow runs already, open http://127"
        )
        assert said.endswith("make ui PORT=5001\n")
        assert len(said.splitlines()) == 1
    assert main(port) == 0


@pytest.mark.parametrize("port", ["x", "70000", "-1"])
def test_what_is_no_port_is_said(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(port) == 1
    assert capsys.readouterr().err == f"expected the number of a port, 1 to 65535, got {port}: make ui PORT=5001\n"


def test_make_ui_asks_first() -> None:
    done = subprocess.run(["make", "-n", "ui", "PORT=5123"], cwd=ROOT, capture_output=True, text=True, check=True)
    asked, served = done.stdout.index("tools.free_port 5123"), done.stdout.index("--port 5123")
    assert asked < served
