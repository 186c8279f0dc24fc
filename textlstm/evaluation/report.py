"""What a change does to the results: `textlstm report BASE` compares metrics/ with those of another commit.

Prints Markdown for a pull request, and ends with status 1 if AUC or accuracy, of the language detector or the sentiment
model, lies below that of the other commit by more than its 95 % interval reaches down. Without BASE, the headlines of
metrics/ are printed.
"""

import csv
import json
from pathlib import Path
from typing import Any

from textlstm.core import paths
from textlstm.core.config import flat
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_json, read_text, require
from textlstm.core.git import git

_GATED = ("auc", "accuracy")
_SAME = {"language": ("windows",), "imdb": ("reviews", "protocol")}  # what must agree before figures can be compared


def headlines() -> list[str]:
    """AUC and accuracy of each system, one per line, with their 95 % intervals."""
    require(paths.METRICS_LANGUAGE, paths.METRICS_IMDB)
    lines = []
    for name in ("systems_language", "systems_imdb"):
        for row in csv.DictReader(read_text(paths.plot(name)).splitlines()):
            figures = [
                f"{key} {float(row[key]):.4f} ({float(row[f'{key}_low']):.4f} to {float(row[f'{key}_high']):.4f})"
                for key in _GATED
            ]
            lines.append("   ".join([f"{row['series']:14}", *figures]))
    return lines


def report(base: str) -> tuple[list[str], list[str]]:
    """Lines of Markdown, and the figures that are worse by more than chance explains."""
    lines, worse = [f"## Results against {base}"], []
    for path in (paths.METRICS_LANGUAGE, paths.METRICS_IMDB):
        ours, theirs = read_json(path), metrics_of(base, path)
        lines += ["", f"### {path}", ""]
        if theirs is None:
            lines.append(f"{base} has no such file: nothing to compare with.")
            continue
        other = [key for key in _SAME[path.stem] if ours.get(key) != theirs.get(key)]
        if other:
            lines.append(f"Not comparable: {', '.join(other)} differ, so the held-out data are not the same.")
            continue
        lines += ["| figure | base | here | difference | |", "|---|---|---|---|---|"]
        verdicts = {key: verdict(ours[key], theirs[key], theirs[f"{key}_low"]) for key in _GATED}
        worse += [f"{path.stem} {key}" for key, word in verdicts.items() if word == "worse"]
        before = flat(theirs)
        for key, value in flat(ours).items():
            if (isinstance(value, int | float) and value != before.get(key)) or key in _GATED:
                lines.append(_row(key, before.get(key), value, verdicts.get(key, "")))
    lines += [
        "",
        f"**Worse by more than the interval: {', '.join(worse)}.**"
        if worse
        else "Nothing is worse by more than its interval.",
    ]
    return lines, worse


def verdict(ours: float, theirs: float, low: float) -> str:
    """How a figure compares with another whose 95 % interval begins at `low`.

    >>> verdict(0.90, 0.95, 0.94), verdict(0.945, 0.95, 0.94), verdict(0.96, 0.95, 0.94)
    ('worse', 'within the interval', 'better')
    """
    if ours < low:
        return "worse"
    return "better" if ours > theirs else "the same" if ours == theirs else "within the interval"


def metrics_of(commit: str, path: Path) -> dict[str, Any] | None:
    """The metrics file of a commit; None if it has none."""
    if not git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", check=False):
        raise TextLSTMError(
            f"{commit}: expected a commit or a branch, got a name that git does not know. Fetch it first"
        )
    shown = git("show", f"{commit}:{path}", check=False)
    return json.loads(shown) if shown else None


def _row(key: str, before: Any, now: Any, word: str) -> str:
    if not isinstance(before, int | float):
        return f"| {key} | – | {now:.4f} | | {word} |"
    return f"| {key} | {before:.4f} | {now:.4f} | {now - before:+.4f} | {word} |"
