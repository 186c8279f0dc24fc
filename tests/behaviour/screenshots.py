"""Draw the pictures of the README: docs/pictures/*.png, from two real states of the pipeline and from the trained models.

Run     python -m tests.behaviour.screenshots [REVISION EXPERIMENT]
        REVISION is a commit ("main"), EXPERIMENT the name of a DVC experiment or another commit. Both are tracked in a
        store of their own in a temporary folder: yours stays as it is. Without them, only the pictures of the page on
        which the models are tried are drawn.
"""

import sys
import tempfile
from pathlib import Path

from tests.behaviour import pages
from textlstm.tracking.store import EXPERIMENT

PICTURES = pages.ROOT / "docs/pictures"
METRICS = ["language.auc", "imdb.auc"]  # columns of the table of runs, beside the parameters that differ


SHOWN = "I was told that la vie est belle and I believed it"


def draw_page() -> None:
    """Draw the page of `textlstm page`: a text, and what the models have learnt."""
    with pages.try_out() as address, pages.chromium() as browser:
        visit = pages.Visit(browser, height=1290)
        visit.page.set_viewport_size({"width": 900, "height": 1290})
        visit.page.goto(f"{address}/?text={SHOWN}")
        visit.picture(PICTURES / "page_text.png")
        visit.page.set_viewport_size({"width": 900, "height": 1060})
        visit.page.goto(f"{address}/learnt")
        visit.picture(PICTURES / "page_learnt.png")


def main(*revisions: str) -> None:
    """Track both states, look at them in MLflow's UI and on the page of `dvc plots`, and save what is to be seen."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="textlstm-") as folder, pages.chromium() as browser:
        root = Path(folder)
        for revision in revisions:
            is_experiment = pages.export_state(revision, root / revision)
            pages.track(root / revision, root, revision if is_experiment else "")
        with pages.mlflow_server(root) as address:
            visit = pages.MlflowPages(browser, address, height=1000)
            visit.open_experiment(EXPERIMENT)
            runs = sorted(visit.runs())
            visit.compare(*runs)
            changed = list(visit.parameters())
            visit.fold("Visualizations")
            visit.picture(PICTURES / "mlflow_compare.png")
            visit = pages.MlflowPages(browser, address, height=420)
            visit.open_experiment(EXPERIMENT)
            visit.show_columns([*METRICS, *changed], hide=["Dataset", "Models"])
            visit.picture(PICTURES / "mlflow_runs.png")
            visit.page.set_viewport_size({"width": 1280, "height": 720})
            visit.open_picture(runs[-1], "pictures", "roc_language.png")
            visit.picture(PICTURES / "mlflow_roc.png")
        for name, command in (("dvc_plots", ["show"]), ("dvc_plots_diff", ["diff", *revisions])):
            pages.dvc("plots", *command, "-o", str(root / name))
            page = pages.PlotsPage(browser, root / name / "index.html", height=1180)
            page.drawn()
            page.picture(PICTURES / f"{name}.png")
    for path in sorted(PICTURES.glob("*.png")):
        print(f"{path.relative_to(pages.ROOT)}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    if len(sys.argv[1:]) not in (0, 2):
        raise SystemExit(
            "expected 2 arguments or none. Usage: python -m tests.behaviour.screenshots [REVISION EXPERIMENT]"
        )
    draw_page()
    if sys.argv[1:]:
        main(*sys.argv[1:])
