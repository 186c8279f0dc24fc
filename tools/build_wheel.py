"""Build a wheel of `textlstm` with the trained models inside, so that whoever installs it can ask them.

Reads:  textlstm/, pyproject.toml, requirements.in and those of the extras, and the models that answering needs (`paths.SHIPPED_MODELS`)
Writes: dist/textlstm-VERSION-py3-none-any.whl; equal inputs give equal bytes
Run:    make wheel, or python -m tools.build_wheel
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, require

_EPOCH = "315532800"  # 1980-01-01, the earliest date that a zip archive can hold


def build(folder: Path) -> Path:
    """Build the wheel from the checkout in the current folder, which stays as it is, into `folder`; return its path.

    Raises:
        TextLSTMError: a model is missing, or setuptools refuses to build.
    """
    require(*paths.SHIPPED_MODELS, hint="Run 'make repro' to train the models")
    with tempfile.TemporaryDirectory() as temporary:
        source, built = Path(temporary, "source"), Path(temporary, "built")
        shutil.copytree("textlstm", source / "textlstm", ignore=shutil.ignore_patterns("__pycache__"))
        for place in paths.SHIPPED_MODELS:
            _copy(place, source / "textlstm" / place)
        for name in ("pyproject.toml", "requirements.in", "requirements-page.in", "requirements-ray.in"):
            _copy(Path(name), source / name)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            str(built),
            str(source),
        ]
        environment = os.environ | {"SOURCE_DATE_EPOCH": _EPOCH, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TextLSTMError(f"pip wheel: failed with status {done.returncode}:\n{done.stdout}{done.stderr}")
        (wheel,) = built.iterdir()
        with atomic(folder / wheel.name) as finished:
            shutil.copyfile(wheel, finished)
    return folder / wheel.name


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder without its dates and modes, which depend on how DVC checks files out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)


def main() -> int:
    """Build it into dist/, and return the exit status: 1, with one message, when it cannot be built."""
    try:
        wheel = build(Path("dist"))
    except TextLSTMError as error:
        print(f"build_wheel: {error}", file=sys.stderr)
        return 1
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB. Install it: python -m pip install {wheel}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
