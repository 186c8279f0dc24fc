"""One table of the detectors, quality beside speed, out of what `benchmarks.language` and `benchmarks.speed` have measured.

Reads   benchmarks/results/language.json, benchmarks/results/speed.json
Writes  benchmarks/results/detectors.md
Run     python -m benchmarks.report
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.peers import OURS
from benchmarks.speed import measures, number
from textlstm.core.files import read_json, write_text


def main() -> None:
    """Print and write the table."""
    parser = common.parser(__doc__)
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to read from and to write to")
    chosen = parser.parse_args()
    quality, speed = (read_json(chosen.results / f"{name}.json") for name in ("language", "speed"))
    lines = ["<!-- Written by python -m benchmarks.report. -->", *side_by_side(quality, speed)]
    write_text(chosen.results / "detectors.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


def side_by_side(quality: dict[str, Any], speed: dict[str, Any]) -> list[str]:
    """Lines of Markdown: a row for each figure, a column for each system whose speed was measured; then who they are."""
    systems = {name: {**quality["systems"].get(name, {}), **measured} for name, measured in speed["detectors"].items()}
    cells = {name: dict(_figures(system)) for name, system in systems.items()}
    titles = dict.fromkeys(title for own in cells.values() for title in own)
    about = [[name, system["version"], system["held"], system["learnt"]] for name, system in systems.items()]
    about += [[name, why, "", ""] for name, why in speed["missing"].items()]
    machine = speed["machine"]
    note = (
        f"On windows {OURS} has a start of its own: it learnt from the other part of the same text. "
        "What the peers have learnt from may hold any of it."
    )
    return [
        f"{' against '.join(quality['languages'])}. Quality: language.md; windows are of the held-out text, words of dictionaries.",
        f"Speed: speed.md; medians, one thread, on {machine['processor']} (load {machine['load'][0]} to {machine['load'][1]}).",
        "",
        *common.table(["", *systems], [[title, *(own.get(title, "") for own in cells.values())] for title in titles]),
        "",
        *common.table(["system", "version", "how it is held to these languages", "learnt from"], about),
        "",
        note,
    ]


def _figures(system: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, what in (("auc", "AUC"), ("accuracy", "accuracy")):
        for length, values in system.get("by_length", {}).items():
            yield f"{what}, windows of {length}", f"{values[key]:.3f}"
    for kind, values in system.get("words", {}).items():
        yield f"accuracy, {kind}", f"{values['accuracy']:.3f}"
    for name, value in measures(system).items():
        yield name, number(value["median"])


if __name__ == "__main__":
    common.run(main)
