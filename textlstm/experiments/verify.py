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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from textlstm.core import paths
from textlstm.core.config import flat
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, read_json
from textlstm.core.git import ROOT, git
from textlstm.core.lockfile import LOCK, restore_lock
from textlstm.experiments.runner import committed, dvc_says

TOLERANCE = 0.005  # of the headline figures, where another kind of processor rounds differently

Lock = Mapping[str, Mapping[str, Any]]  # the stages of a dvc.lock, by name


class Output(NamedTuple):
    """One file that a stage has made."""

    path: Path
    md5: str
    stage: str
    cached: bool  # whether DVC keeps it in its cache


def verify(*, files_only: bool, other_hardware: bool) -> int:
    """Check all files, and unless `files_only` reproduce them in a clean clone; return 0 if all is as it should be.

    Args:
        files_only: do not reproduce.
        other_hardware: where bytes differ, headline figures within `TOLERANCE` are enough.
    """
    root = Path(git("rev-parse", "--show-toplevel"))
    restore_lock()
    stages = read_lock(root / LOCK)
    altered = check_files(root, stages)
    if files_only or altered:
        return int(altered > 0)
    committed(root)
    with tempfile.TemporaryDirectory(prefix="textlstm-") as temporary:
        clone = Path(temporary) / "clone"
        git("clone", "--quiet", "--shared", str(root), str(clone))
        reproduce(clone)
        return compare(stages, read_lock(clone / LOCK), root, clone, other_hardware=other_hardware)


def read_lock(path: Path) -> Lock:
    """The stages of a `dvc.lock`; a missing one is a TextLSTMError."""
    if not path.exists():
        raise TextLSTMError(f"{path}: no such file. Run 'dvc repro' (or 'make repro') to make it")
    return dict((yaml.safe_load(path.read_bytes()) or {}).get("stages", {}))


def check_files(root: Path, stages: Lock) -> int:
    """Read all of DVC's cache and all outputs; put right what can be, say what was altered, and return how many files were.

    An altered object of the cache is replaced by the output if that is right, and an altered output by the object. What
    is wrong in both places is deleted, so that `dvc repro` makes it again.
    """
    cache = Path(dvc_says("cache", "dir", folder=root)) / "files" / "md5"
    bad = {
        path for path in cache.glob("??/*") if _digest(path) != f"{path.parent.name}{path.name}".removesuffix(".dir")
    }
    altered, checked = 0, 0
    for output in _outputs(root, cache, stages, bad):
        kept = cache / output.md5[:2] / output.md5[2:]
        place = root / output.path
        in_cache = kept in bad
        in_workspace = place.is_file() and _digest(place) != output.md5.removesuffix(".dir")
        checked += 1
        if not in_cache and not in_workspace:
            continue
        altered += 1
        what = f"{output.path} ({output.stage}): altered in " + " and ".join(
            [*(["DVC's cache"] if in_cache else []), *(["the workspace"] if in_workspace else [])]
        )
        bad.discard(kept)
        if in_cache and place.is_file() and not in_workspace:
            _replace(kept, place)
            print(f"{what}; restored from the workspace", file=sys.stderr)
        elif in_workspace and output.cached and kept.is_file() and not in_cache:
            _replace(place, kept)
            print(f"{what}; restored from DVC's cache", file=sys.stderr)
        else:
            if in_cache:
                kept.unlink()
            if in_workspace:
                place.unlink()
            print(f"{what}; deleted. Run 'dvc repro' to make it again", file=sys.stderr)
    for path in sorted(bad):
        altered += 1
        path.unlink()
        print(f"{path}: an object of another state, altered in DVC's cache; deleted", file=sys.stderr)
    print(f"{checked:,} files of {len(stages)} stages read: {altered or 'none'} altered")
    return altered


def _outputs(root: Path, cache: Path, stages: Lock, bad: set[Path]) -> Iterator[Output]:
    """Every file that the stages have made, those of folders one by one."""
    for stage, of in stages.items():
        for out in of.get("outs", []):
            path, md5 = Path(out["path"]), str(out["md5"])
            kept = cache / md5[:2] / md5[2:]
            if not md5.endswith(".dir"):
                yield Output(path, md5, stage, kept.exists())
            elif kept in bad:  # the list of the folder's files: made anew from them
                bad.discard(kept)
                kept.unlink()
                content = _listing(root / path)
                if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5.removesuffix(".dir"):
                    with atomic(kept) as temporary:
                        temporary.write_bytes(content)
                    print(f"{path} ({stage}): its list of files was altered in DVC's cache; made anew", file=sys.stderr)
                else:
                    print(
                        f"{path} ({stage}): its list of files was altered in DVC's cache. Run 'dvc repro'",
                        file=sys.stderr,
                    )
            if md5.endswith(".dir") and kept.exists():
                for entry in json.loads(kept.read_bytes()):
                    child = cache / entry["md5"][:2] / entry["md5"][2:]
                    yield Output(path / entry["relpath"], entry["md5"], stage, child.exists())


def _listing(folder: Path) -> bytes:
    """What DVC writes down of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [{"md5": _digest(path), "relpath": path.relative_to(folder).as_posix()} for path in files]
    return json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True).encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _replace(place: Path, source: Path) -> None:
    mode = place.stat().st_mode
    with atomic(place) as temporary:
        shutil.copyfile(source, temporary)
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
