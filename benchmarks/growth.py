"""Time and memory of each stage, from little text to 200 MB for each language, and from 10,000 reviews to a million.

Reads   params.yaml, data/raw/ (run the pipeline before), models/imdb/, models/sentiment.json
Writes  benchmarks/results/growth.json, growth.md, docs/pictures/growth.png
Run     python -m benchmarks.growth

Each stage is a process of its own in a copy of the pipeline. Text: the Declaration, and words drawn by their frequency
afresh until there is enough of it. Reviews: all of them again and again, each copy with a last word of its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import common
from textlstm.core import paths
from textlstm.core.files import read_text, write_json, write_text
from textlstm.core.params import load_params
from textlstm.core.parquet import read_parquet, write_parquet
from textlstm.data.words import draw_words, own_words, read_list
from textlstm.evaluation.metrics import rounded

_TEXT = (20_000, 200_000, 2_000_000, 20_000_000, 200_000_000)  # bytes for each language
_REVIEWS = (10_000, 100_000, 1_000_000)
_DRAWN = 8_000_000  # characters drawn at a time
_LANGUAGE_STAGES = (
    "split_language",
    "draw_words",
    "vectorize_language",
    "train_language",
    "train_ngram",
    "train_background",
    "compile_detector",
    "calibrate_detector",
    "score_language",
    "evaluate_language",
)
_OF_EACH = ("split_language", "draw_words", "train_language", "train_ngram")  # stages that run once for each language
_REVIEW_STAGES = ("split_imdb", "vectorize_imdb", "train_nbsvm", "score_imdb", "evaluate_imdb")

Figures = dict[str, dict[str, float]]  # by stage: seconds, megabytes


def main() -> None:
    """Measure, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("--text", type=int, nargs="*", default=_TEXT, help="bytes for each language")
    parser.add_argument("--reviews", type=int, nargs="*", default=_REVIEWS, help="how many")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    parser.add_argument("--picture", type=Path, default=paths.PICTURES / "growth.png", help="picture to write")
    chosen = parser.parse_args()
    of_text = {size: _in_a_copy(lambda folder, size=size: _language(folder, size)) for size in chosen.text}
    of_reviews = {size: _in_a_copy(lambda folder, size=size: _imdb(folder, size)) for size in chosen.reviews}
    results = rounded(
        {
            "machine": common.machine(),
            "text": {str(size): figures for size, figures in of_text.items()},
            "reviews": {str(size): figures for size, figures in of_reviews.items()},
        },
        3,
    )
    write_json(chosen.results / "growth.json", results)
    write_text(chosen.results / "growth.md", "\n".join(report(results)) + "\n")
    draw(results, chosen.picture)
    print("\n".join(report(results)))


def _in_a_copy(measure: Any) -> Figures:
    """What `measure` finds in a copy of the pipeline, which has the downloads and no more."""
    with tempfile.TemporaryDirectory(prefix="textlstm-") as temporary:
        folder = Path(temporary)
        for name in ("stages", "textlstm"):
            shutil.copytree(name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "models"))
        shutil.copyfile(paths.PARAMS, folder / paths.PARAMS)
        (folder / "data").mkdir()
        (folder / "data/raw").symlink_to(Path("data/raw").resolve())
        found: Figures = measure(folder)
        return found


def _language(folder: Path, size: int) -> Figures:
    languages = load_params().languages
    own = {}
    for name, language in languages.items():
        own[name] = folder / f"{name}.txt"
        _write_text(own[name], read_text(Path(language.text)), language.words, size)
    params = (folder / paths.PARAMS).read_text(encoding="utf-8")
    for name, language in languages.items():
        params = params.replace(language.text, str(own[name]))
    (folder / paths.PARAMS).write_text(params, encoding="utf-8")
    _run(folder, "split_others")
    found: Figures = {}
    for stage in _LANGUAGE_STAGES:
        for name in languages if stage in _OF_EACH else [""]:
            figures = _run(folder, stage, *filter(None, [name]))
            known = found.setdefault(stage, figures)
            found[stage] = {key: max(known[key], figures[key]) for key in figures}
    files = [folder / paths.language_vectors(name) for name in languages]
    vectors = max(file.stat().st_size for file in files) - load_params().words.characters
    learnt = max((folder / paths.training_text(name)).stat().st_size for name in languages)
    found["vectorize_language"]["bytes_per_character"] = vectors / learnt
    return found


def _write_text(path: Path, text: str, code: str, size: int) -> None:
    shares = own_words(
        read_list(read_text(paths.RAW_WORDS / f"{code}.tsv")),
        [],
        foreign=load_params().words.foreign,
        rare_letter=load_params().words.rare_letter,
    )
    with path.open("wb") as file:
        content, seed = text.encode(), 1000
        while content:
            file.write(content[: max(size - file.tell(), 0)].decode(errors="ignore").encode() + b"\n")
            left = size - file.tell()
            content = draw_words(shares, min(left, _DRAWN), code=code, seed=seed).encode() if left > 0 else b""
            seed += 1


def _imdb(folder: Path, size: int) -> Figures:
    raw = read_parquet(paths.RAW_IMDB)
    train = raw[raw["part"] == "train"]
    copies = [
        train if not number else train.assign(text=train["text"] + f" copy{number}")
        for number in range(-(-size // len(train)))
    ]
    table = pd.concat(copies).groupby("label").head(size // 2)
    (folder / "data/raw").unlink()
    columns = ["part", "label", "text"]
    write_parquet(folder / paths.RAW_IMDB, table[columns].sort_values(columns, ignore_index=True))
    shutil.copytree(paths.IMDB_MODEL, folder / paths.IMDB_MODEL)
    shutil.copyfile(paths.SENTIMENT_SETTINGS, folder / paths.SENTIMENT_SETTINGS)
    return {stage: _run(folder, stage) for stage in _REVIEW_STAGES}


def _run(folder: Path, stage: str, *words: str) -> dict[str, float]:
    """Seconds of processor time, and the megabytes that the process took at its largest."""
    with subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}", *words], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{stage}: failed, see above")
    return {"seconds": usage.ru_utime + usage.ru_stime, "megabytes": usage.ru_maxrss / 1024}


def report(results: Mapping[str, Any]) -> Sequence[str]:
    """Lines of Markdown."""
    machine = results["machine"]
    lines = [
        "<!-- Written by python -m benchmarks.growth. -->",
        f"Each stage as a process, on {machine['processor']} ({machine['cores']} cores): processor time, memory at its largest.",
    ]
    titles = {
        "text": "bytes of text for each language; of stages that run once for each, the slower",
        "reviews": "reviews",
    }
    for kind, title in titles.items():
        sizes = results[kind]
        if not sizes:
            continue
        stages = list(next(iter(sizes.values())))
        rows = [
            [stage, *(f"{of[stage]['seconds']:,.1f} s, {of[stage]['megabytes']:,.0f} MB" for of in sizes.values())]
            for stage in stages
        ]
        lines += ["", f"{title}:", "", *common.table(["stage", *(f"{int(size):,}" for size in sizes)], rows)]
    if results["text"]:
        size, largest = list(results["text"].items())[-1]
        share = largest["vectorize_language"]["bytes_per_character"]
        lines += [
            "",
            f"Of {int(size):,} bytes, ids take {share:.3f} bytes on disk per byte of text to learn from.",
            "Memory is at least that of the process that measures.",
        ]
    return lines


def draw(results: Mapping[str, Any], path: Path) -> None:
    """The table as curves."""
    from matplotlib import pyplot as plt

    kinds = {kind: results[kind] for kind in ("text", "reviews") if results[kind]}
    figure, panels = plt.subplots(2, len(kinds), figsize=(8 * len(kinds), 8), layout="constrained", squeeze=False)
    for column, (kind, sizes) in enumerate(kinds.items()):
        for row, (key, label) in enumerate(
            (("seconds", "seconds of processor time"), ("megabytes", "megabytes at the largest"))
        ):
            axes = panels[row, column]
            for number, stage in enumerate(next(iter(sizes.values()))):
                values = [of[stage][key] for of in sizes.values()]
                axes.plot([int(size) for size in sizes], values, "os^Dv"[number % 5] + "-", label=stage)
            axes.set(xscale="log", yscale="log" if key == "seconds" else "linear", ylabel=label)
            axes.set_xticks(
                [int(size) for size in sizes], [f"{int(size):,}" for size in sizes], rotation=30, ha="right"
            )
            axes.minorticks_off()
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0, column].set_title("Text" if kind == "text" else "Reviews", fontweight="bold")
        panels[0, column].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        limit = 1500 if kind == "text" else 4000
        panels[1, column].axhline(limit, color="black", linestyle="--", linewidth=1)
        panels[1, column].annotate(f"{limit:,} MB", (1.01, limit), xycoords=("axes fraction", "data"), va="center")
        panels[1, column].set_ylim(0)
        panels[1, column].set_xlabel("bytes of text, each language" if kind == "text" else "reviews")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    common.run(main)
