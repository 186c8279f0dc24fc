"""Whether every output is what `dvc.lock` says, and whether a clean clone makes the same bytes again.

DVC trusts its cache: it restores an object whose bytes were altered as a good one, and takes a file for unchanged whose
size and time are the same. `verify` reads every byte.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textlstm.core import paths
from textlstm.core.config import flat
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, read_json
from textlstm.core.git import ROOT, git
from textlstm.core.lockfile import LOCK, locked_stages, restore_lock
from textlstm.experiments.runner import committed, dvc_says

TOLERANCE = 0.005  # of the headline figures, where another kind of processor rounds differently

Lock = Mapping[str, Mapping[str, Any]]  # the stages of a dvc.lock, by name


def verify(*, files_only: bool, other_hardware: bool) -> int:
    """Check all files, and unless `files_only` reproduce them in a clean clone; return 0 if all is as it should be.

    Args:
        files_only: do not reproduce.
        other_hardware: where bytes differ, headline figures within `TOLERANCE` are enough.
    """
    root = Path(git("rev-parse", "--show-toplevel"))
    restore_lock()
    stages = locked_stages(root / LOCK)
    altered = check_files(root, stages)
    if files_only or altered:
        return int(altered > 0)
    committed(root)
    with tempfile.TemporaryDirectory(prefix="textlstm-") as temporary:
        clone = Path(temporary) / "clone"
        git("clone", "--quiet", "--shared", str(root), str(clone))
        reproduce(clone)
        return compare(stages, locked_stages(clone / LOCK), root, clone, other_hardware=other_hardware)


def check_files(root: Path, stages: Lock) -> int:
    """Read all of DVC's cache and all outputs; put right what can be, say what was wrong, and return how many files were.

    An altered object of the cache is replaced by the output if that is right, and an altered or missing output by the
    object. What is right in neither place is deleted, so that `dvc repro` makes it again.
    """
    cache = Path(dvc_says("cache", "dir", folder=root)) / "files" / "md5"
    bad = {
        path for path in cache.glob("??/*") if _digest(path) != f"{path.parent.name}{path.name}".removesuffix(".dir")
    }
    problems, checked = [], 0
    for stage, of in stages.items():
        for out in of.get("outs", []):
            path, md5 = Path(out["path"]), str(out["md5"])
            if md5.endswith(".dir"):
                kept = cache / md5[:2] / md5[2:]
                listing, problem = _listed(root / path, kept, altered=kept in bad)
                problems += [f"{path} ({stage}): {problem}"] if problem else []
                bad.discard(kept)
                files = [(path / entry["relpath"], str(entry["md5"])) for entry in listing]
            else:
                files = [(path, md5)]
            for file, digest in files:
                checked += 1
                kept = cache / digest[:2] / digest[2:]
                if problem := _put_right(root / file, digest, kept, altered=kept in bad):
                    problems.append(f"{file} ({stage}): {problem}")
                bad.discard(kept)
    for path in sorted(bad):
        path.unlink()
        problems.append(f"{path}: an object of another state, altered in DVC's cache; deleted")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{checked:,} files of {len(stages)} stages read: {len(problems) or 'none'} altered or missing")
    return len(problems)


def _put_right(place: Path, md5: str, kept: Path, *, altered: bool) -> str:
    """Put an output and its object in the cache right, from each other; say what was wrong, "" if nothing was."""
    there = place.is_file()
    right = there and _digest(place) == md5
    if right and not altered:
        return ""
    where = [*(["DVC's cache"] if altered else []), *(["the workspace"] if there and not right else [])]
    what = f"altered in {' and '.join(where)}" if where else "missing"
    if right:
        _replace(kept, place)
        return f"{what}; restored from the workspace"
    if kept.is_file() and not altered:
        _replace(place, kept)
        return f"{what}; restored from DVC's cache"
    if altered:
        kept.unlink()
    place.unlink(missing_ok=True)
    return f"{what}; {'deleted. ' if where else ''}Run 'dvc repro' to make it again"


def _listed(folder: Path, kept: Path, *, altered: bool) -> tuple[list[dict[str, str]], str]:
    """The files of a folder as DVC's cache lists them, and what was wrong with the list; it is made anew from the folder."""
    if kept.is_file() and not altered:
        return json.loads(kept.read_bytes()), ""
    what = f"its list of files {'was altered in' if altered else 'is missing from'} DVC's cache"
    content = _listing(folder)
    if f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir" != f"{kept.parent.name}{kept.name}":
        kept.unlink(missing_ok=True)
        return [], f"{what}, and its files are others than it named, or missing. Run 'dvc repro' to make them again"
    with atomic(kept) as temporary:
        temporary.write_bytes(content)
    return json.loads(content), f"{what}; made anew"


def _listing(folder: Path) -> bytes:
    """What DVC writes down of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [{"md5": _digest(path), "relpath": path.relative_to(folder).as_posix()} for path in files]
    return json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True).encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _replace(place: Path, source: Path) -> None:
    """Copy a file to a place, which keeps its mode."""
    mode = place.stat().st_mode if place.exists() else None
    with atomic(place) as temporary:
        shutil.copyfile(source, temporary)
    if mode is not None:
        place.chmod(mode)


def reproduce(clone: Path) -> None:
    """Run the whole pipeline in a clone that has no outputs and no cache.

    Raises:
        TextLSTMError: it fails.
    """
    own = {"DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", ROOT, "MLFLOW_TRACKING_URI"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment["DVC_SITE_CACHE_DIR"] = str(clone / ".dvc" / "site")
    done = subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=clone, env=environment, check=False)
    if done.returncode:
        raise TextLSTMError(f"{clone}: 'dvc repro' failed in a clean clone, with status {done.returncode}: see above")


def compare(expected: Lock, got: Lock, root: Path, clone: Path, *, other_hardware: bool) -> int:
    """Say whether all outputs are the same, and which is the first that is not; return 0 if they are, or are near enough."""
    places = [
        (stage, str(out["path"]), str(out["md5"]))
        for stage, of in expected.items()
        for out in of.get("outs", [])
        if out["path"] != str(paths.TRACKED)
    ]
    made = {(stage, str(out["path"])): str(out["md5"]) for stage, of in got.items() for out in of.get("outs", [])}
    different = [(stage, path) for stage, path, md5 in places if made.get((stage, path)) != md5]
    if not different:
        print(f"reproduced: {len(places)} outputs of {len(expected)} stages, the same bytes")
        return 0
    stage, path = different[0]
    print(
        f"{len(different)} of {len(places)} outputs have other bytes; the first is {path} of the stage {stage}",
        file=sys.stderr,
    )
    far = [
        f"{file}: {key}: expected {value}, got {found.get(key)}"
        for file in (paths.HEADLINE_LANGUAGE, paths.HEADLINE_IMDB)
        for found in [flat(read_json(clone / file))]
        for key, value in flat(read_json(root / file)).items()
        if abs(found.get(key, float("inf")) - value) > TOLERANCE
    ]
    for line in far:
        print(line, file=sys.stderr)
    if not far:
        print(f"all headline figures are within {TOLERANCE} of the committed ones, as on another kind of processor")
    return 0 if other_hardware and not far else 1
