"""Git: what it prints, what a failure says, and which repository an experiment belongs to."""

from pathlib import Path

import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.git import git, repository_root, require_history


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TEXTLSTM_ROOT", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    git("init", "--quiet", folder=tmp_path)
    (tmp_path / "é.txt").write_text("été\n", encoding="utf-8")
    git("add", ".", folder=tmp_path)
    git("-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "--quiet", "-m", "first", folder=tmp_path)
    return tmp_path


def test_what_git_prints(repository: Path) -> None:
    assert git("show", "HEAD:é.txt", folder=repository) == "été"
    (repository / "é.txt").write_text("other", encoding="utf-8")
    assert git("status", "--porcelain", folder=repository).startswith(" M ")


def test_a_failure_is_told_with_what_git_said(repository: Path) -> None:
    with pytest.raises(TextLSTMError, match=rf"^{repository}: 'git show nowhere:x' failed: .*nowhere"):
        git("show", "nowhere:x", folder=repository)
    assert git("show", "nowhere:x", folder=repository, check=False) == ""


def test_git_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TextLSTMError, match="git: expected the program on the PATH, got none"):
        git("status")
    assert git("status", check=False) == ""


def test_the_repository_is_what_a_sweep_says_then_what_dvc_says_then_the_one_around(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "inner").mkdir()
    monkeypatch.chdir(repository / "inner")
    assert repository_root() == repository.resolve()
    monkeypatch.setenv("DVC_ROOT", "/dvc")
    assert repository_root() == Path("/dvc")
    monkeypatch.setenv("TEXTLSTM_ROOT", "/sweep")
    assert repository_root() == Path("/sweep")


def test_a_folder_that_is_in_no_repository_is_its_own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTLSTM_ROOT", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert repository_root() == tmp_path.resolve()


def test_a_repository_of_another_user_is_told_with_what_git_says(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.chdir(repository)
    for check in (True, False):
        with pytest.raises(TextLSTMError, match=r"dubious ownership .* git config --global --add safe\.directory \S+$"):
            git("status", "--porcelain", check=check)
    with pytest.raises(TextLSTMError, match="dubious ownership"):
        repository_root()


def test_a_shallow_clone_is_told(repository: Path, tmp_path: Path) -> None:
    require_history(repository)
    git(
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@x.invalid",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "2",
        folder=repository,
    )
    shallow = tmp_path / "shallow"
    git("clone", "--quiet", "--depth", "1", repository.as_uri(), str(shallow), folder=repository)
    with pytest.raises(TextLSTMError, match=rf"^{shallow}: .*shallow clone.*Run 'git fetch --unshallow' and run again"):
        require_history(shallow)
    git("fetch", "--quiet", "--unshallow", folder=shallow)
    require_history(shallow)
