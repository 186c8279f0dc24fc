"""The wheel, with small files in place of trained models."""

import shutil
import zipfile
from pathlib import Path

import pytest

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from tools import build_wheel

ROOT = Path(__file__).parents[3]
CODE = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "textlstm").rglob("*")
    if path.suffix in (".py", ".html", ".css", ".js", ".svg")
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "textlstm", folder / "textlstm", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.in", "requirements-page.in", "requirements-ray.in"):
        shutil.copy(ROOT / name, folder)
    for place in paths.SHIPPED_MODELS:
        file = folder / place if place.suffix else folder / place / "deep" / "numbers.npz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(place), encoding="utf-8")
        file.chmod(0o444)  # as DVC leaves what it links
    for other in ("models/language/english/weights.npz", "models/removed.json", "stages/train.py", "tests/test_it.py"):
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).touch()
    monkeypatch.chdir(folder)
    return folder


def test_the_wheel_holds_the_package_and_the_models_that_answer(checkout: Path, tmp_path: Path) -> None:
    before = sorted(checkout.rglob("*"))
    wheel = build_wheel.build(tmp_path / "dist")
    assert sorted(checkout.rglob("*")) == before
    assert wheel.match("dist/textlstm-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
    shipped = {
        f"textlstm/{place}" if place.suffix else f"textlstm/{place}/deep/numbers.npz" for place in paths.SHIPPED_MODELS
    }
    assert names == CODE | shipped | {"textlstm/py.typed"}
    required = [line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert [name for name in required if "extra" not in name] == ["numpy>=2", "threadpoolctl"]
    assert 'tensorflow>=2.21; extra == "train"' in required


def test_equal_inputs_give_equal_bytes(checkout: Path, tmp_path: Path) -> None:
    first = build_wheel.build(tmp_path / "first")
    second = build_wheel.build(tmp_path / "second")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("place", [paths.TABLE, paths.SENTIMENT_SETTINGS])
def test_a_model_that_is_missing_is_named(
    place: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / place).rename(checkout / "elsewhere")
    assert build_wheel.main() == 1
    expected = f"build_wheel: {place}: no such file. Run 'make repro' to train the models\n"
    assert capsys.readouterr() == ("", expected)
    assert not (checkout / "dist").exists()


def test_a_build_that_fails_says_why(checkout: Path, tmp_path: Path) -> None:
    (checkout / "pyproject.toml").write_text("[project]\nname = 'textlstm'\n", encoding="utf-8")
    with pytest.raises(TextLSTMError, match=r"(?s)^pip wheel: failed with status 1:\n.*version"):
        build_wheel.build(tmp_path / "dist")
