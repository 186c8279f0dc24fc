"""What the pipeline has left about the models that the page asks: figures, curves, confusions. In a checkout; a wheel has none."""

import contextlib
import csv
import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import textlstm
from textlstm.core import paths

Rows = list[dict[str, str]]


class Curve(NamedTuple):
    """A curve to be drawn: its name, and its points within 0 to 1 on both axes."""

    name: str
    points: list[tuple[float, float]]


class Confusion(NamedTuple):
    """Who is taken for whom."""

    names: list[str]
    rows: list[tuple[str, list[int]]]  # actual, and the number of answers of each name


class Operating(NamedTuple):
    """A point of a ROC curve, and what it means for the classes as they are in the held-out data."""

    false_positive_rate: float
    recall: float  # true positive rate
    precision: float | None  # None where nothing is answered positive


def rows_of(path: Path) -> Rows:
    """The rows of a CSV file, none if it is not there."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def figures(path: Path) -> dict[str, Any]:
    """What a JSON file of metrics holds; nothing if it is not there."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def learning_curves(names: Sequence[str]) -> tuple[list[Curve], int, float]:
    """The loss of each epoch, as shares of the longest training and the highest loss, and these two."""
    found = {name: [float(row["loss"]) for row in rows_of(paths.curve(name))] for name in names}
    shown = {name: losses for name, losses in found.items() if len(losses) > 1}
    top = max((loss for losses in shown.values() for loss in losses), default=1.0)
    longest = max(map(len, shown.values()), default=2)
    curves = [
        Curve(name, [(place / (longest - 1), loss / top) for place, loss in enumerate(losses)])
        for name, losses in shown.items()
    ]
    return curves, longest, top


def roc(name: str) -> list[Curve]:
    """The ROC curves of a task, "language" or "imdb"; the first one is that of the answers."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows_of(paths.plot(f"roc_{name}")):
        points = found.setdefault(row["series"], [])
        points.append((float(row["false_positive_rate"]), float(row["true_positive_rate"])))
    return [Curve(series, points) for series, points in found.items()]


def operating(curve: Curve, place: float, confusion: Confusion) -> Operating:
    """The point at a place from 0, where the threshold is so high that nothing is positive, to 1, where everything is."""
    x, y = curve.points[round(place * (len(curve.points) - 1))]
    sizes = [sum(counts) for _, counts in confusion.rows]
    positive = _positive(confusion)
    hits, false = y * sizes[positive], x * (sum(sizes) - sizes[positive])
    return Operating(x, y, hits / (hits + false) if hits + false else None)


def _positive(confusion: Confusion) -> int:
    """The place of the positive class: `positive`, or the first language."""
    return confusion.names.index("positive") if "positive" in confusion.names else 0


def confusion(name: str) -> Confusion:
    """Who is taken for whom in a task, "language" or "imdb"."""
    rows = rows_of(paths.plot(f"confusion_{name}"))
    names = list(dict.fromkeys(row["actual"] for row in rows))
    counts = {(row["actual"], row["predicted"]): int(row["count"]) for row in rows}
    return Confusion(names, [(actual, [counts.get((actual, said), 0) for said in names]) for actual in names])


def about(models: Path) -> dict[str, Any]:
    """Which models these are: version, folder, when they were made, figures, and the MLflow run if there is one."""
    made = [path.stat().st_mtime for path in (models / place.name for place in paths.SHIPPED_MODELS) if path.is_file()]
    return {
        "version": textlstm.__version__,
        "models": str(models),
        "made": datetime.fromtimestamp(max(made), UTC).date().isoformat() if made else "",
        "language": figures(paths.METRICS_LANGUAGE),
        "imdb": figures(paths.METRICS_IMDB),
        "run": mlflow_run(),
    }


def mlflow_run() -> str:
    """The address of the run of the present state in the UI that `make ui` serves, "" if this folder has no such run."""
    database = Path("mlflow.db")
    if not (database.exists() and paths.TRACKED.exists()):
        return ""
    state = paths.TRACKED.read_text(encoding="utf-8").strip()
    query = (
        "select r.experiment_id, r.run_uuid from runs r join tags t on t.run_uuid = r.run_uuid "
        "where t.key = 'textlstm.state' and t.value = ? and r.status = 'FINISHED' and r.lifecycle_stage = 'active' limit 1"
    )
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1.0)) as connection:
            found = connection.execute(query, (state,)).fetchone()
    except sqlite3.Error:
        return ""
    return f"http://127.0.0.1:5000/#/experiments/{found[0]}/runs/{found[1]}" if found else ""
