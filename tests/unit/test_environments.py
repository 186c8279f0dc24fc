"""What a user's settings of git and pip do not change."""

import os
import subprocess
from pathlib import Path

from textlstm.core.git import git

ROOT = Path(__file__).parents[2]


def test_a_clone_with_autocrlf_has_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    (first / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    contents = {
        "a.py": b"a = 1\nb = 2\n",
        "b.csv": b"a,b\r\n1,2\n",
        "c.bin": b"\x00\n\r\n",
        "params.yaml": b"seed: 7\n",
    }
    for name, content in contents.items():
        (first / name).write_bytes(content)
    git("init", "--quiet", folder=first)
    git("-c", "core.autocrlf=true", "-c", "core.safecrlf=false", "add", ".", folder=first)
    git("-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "--quiet", "-m", "first", folder=first)
    git("clone", "--quiet", "-c", "core.autocrlf=true", str(first), str(second))
    assert {name: (second / name).read_bytes() for name in contents} == contents


def test_make_installs_into_its_environment_whatever_pip_is_told_elsewhere(tmp_path: Path) -> None:
    show = tmp_path / "Makefile"
    show.write_text(f"include {ROOT}/Makefile\nshow:\n\t@echo '$(PIP)'; env\n")
    told = {"PIP_USER": "1", "PIP_TARGET": "/x", "PIP_PREFIX": "/x", "PIP_INDEX_URL": "https://i", "HTTPS_PROXY": "p"}
    done = subprocess.run(
        ["make", "-s", "-f", show, "show"], cwd=ROOT, env=os.environ | told, capture_output=True, text=True, check=True
    )
    install, *environment = done.stdout.splitlines()
    assert "--no-user" in install  # wins over pip.conf
    names = {line.partition("=")[0] for line in environment}
    assert names & told.keys() == {"PIP_INDEX_URL", "HTTPS_PROXY"}
