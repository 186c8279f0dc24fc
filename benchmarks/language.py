"""The language detector against its peers: windows of held-out text by length, whole words, and pairs of words.

Reads   models/, data/split/language/<language>/, data/raw/words/, data/words/
Writes  benchmarks/results/language.json, benchmarks/results/language.md, docs/pictures/by_length.png
Run     python -m benchmarks.language
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks import common
from benchmarks.dictionaries import dictionary
from benchmarks.peers import OURS, OURS_LEARNT, PEERS, codes_of, installable, load_peer
from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_text, write_json, write_text
from textlstm.core.params import load_params
from textlstm.data.words import read_list
from textlstm.detection.detector import load_background, load_detector, load_parts, load_table, table_models
from textlstm.detection.evidence import ModelReader, window_evidence
from textlstm.evaluation.metrics import rounded
from textlstm.language.scoring import CharacterModel, Remembering

_CLEAR = 3.0  # a word that another language has too counts as ours if it is at least so many times as frequent here

Models = dict[str, tuple[Sequence[CharacterModel], CharacterModel]]  # one model per language, and the background's
Texts = dict[str, tuple[list[str], npt.NDArray[np.int64]]]  # a kind of text: texts, and which language each is of


def main() -> None:
    """Measure all systems on the same texts in one run, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the trained models")
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=[1, 2, 3, 5, 10, 20, 50, 100], help="characters in a window"
    )
    parser.add_argument("--headline", type=int, default=5, help="length of the first table; one of the lengths")
    parser.add_argument("--count", type=int, default=2000, help="words, and pairs of words, of each language")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS, help="which")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    parser.add_argument("--picture", type=Path, default=common.PICTURES / "by_length.png", help="picture to write")
    chosen = parser.parse_args()

    params = load_params()
    kinds = _our_models(chosen.models, params.ngram.weight)
    codes = codes_of(list(params.languages))
    names, missing = installable(chosen.peers)
    peers = [load_peer(name, codes) for name in names]
    heldout = {language: read_text(paths.heldout_text(language)) for language in params.languages}
    lengths = sorted({*chosen.lengths, chosen.headline})
    if max(lengths) > min(map(len, heldout.values())):
        raise TextLSTMError(
            f"expected lengths of at most {min(map(len, heldout.values()))} characters, got {max(lengths)}"
        )

    ours = {"version": "this checkout", "held": "trained for these languages", "learnt": OURS_LEARNT}
    systems: dict[str, dict[str, Any]] = {
        name: {**about, "by_length": {}, "words": {}}
        for name, about in (dict.fromkeys(kinds, ours) | {peer.name: peer.about() for peer in peers}).items()
    }
    results: dict[str, Any] = {"languages": list(params.languages), "systems": systems, "missing": missing}
    evidence = {
        kind: window_evidence(models, background, list(heldout.values()), lengths)
        for kind, (models, background) in kinds.items()
    }
    for length in lengths:
        windows, labels = common.windows_of_texts(heldout.values(), length)
        answers = {
            kind: common.Answers(of_kind[length][0].log_likelihoods, logarithms=True)
            for kind, of_kind in evidence.items()
        }
        answers |= {peer.name: common.answers_of(peer, windows) for peer in peers}
        for name, answer in answers.items():
            if length == chosen.headline:
                block = params.evaluate.block
                systems[name]["headline"] = common.with_intervals(labels, answer, block=block, seed=params.seed)
            systems[name]["by_length"][str(length)] = common.figures(labels, answer)
        print(f"{len(windows):,} windows of {length} characters scored", flush=True)

    texts = _words(params, chosen.count)
    for what, (strings, labels) in texts.items():
        answers = {
            kind: common.Answers(ModelReader(*asked).evidence(strings).log_likelihoods, logarithms=True)
            for kind, asked in kinds.items()
        }
        answers |= {peer.name: common.answers_of(peer, strings) for peer in peers}
        for name, answer in answers.items():
            systems[name]["words"][what] = common.with_intervals(labels, answer, block=1, seed=params.seed)
        print(f"{len(strings):,} {what} scored", flush=True)

    windows, labels = common.windows_of_texts(heldout.values(), chosen.headline)
    results["windows"] = {"length": chosen.headline, "count": np.bincount(labels).tolist()}
    results["texts"] = {what: np.bincount(labels).tolist() for what, (_, labels) in texts.items()}
    results = rounded(results)
    write_json(chosen.results / "language.json", results)
    write_text(chosen.results / "language.md", "\n".join(_report(results)) + "\n")
    _draw(chosen.picture, results)
    print("\n".join(_report(results)))


def _our_models(models: Path, ngram_weight: float) -> Models:
    """The detector that answers, the mixture that it is distilled from, and what that is made of."""
    languages = load_detector(models).languages
    parts = load_parts(models, languages)
    lstm = [Remembering(part.lstm) for part in parts.values()]  # asked alone, and as a part of the mixture
    ngrams = [part.ngrams for part in parts.values()]
    background = load_background(models, parts).model
    return {
        OURS: table_models(load_table(models, languages)),
        f"{OURS}, exact": (
            [one.beside(network, ngram_weight) for one, network in zip(ngrams, lstm, strict=True)],
            background,
        ),
        f"{OURS}, LSTM alone": (lstm, background),
        f"{OURS}, n-grams alone": (ngrams, background),
        f"n-grams of the text alone, order {ngrams[0].text.order}": ([one.text for one in ngrams], background),
    }


def _words(params: Any, count: int) -> Texts:
    """Words of each language and pairs of them.

    Of three kinds: drawn by their frequency; of a spelling dictionary, drawn evenly; and those of the dictionary that
    no training text holds, in whatever language. Words of one letter, and words that another language has nearly as
    often, or in its dictionary, belong to no language and are left out.
    """
    shares = {
        name: read_list(read_text(paths.RAW_WORDS / f"{one.words}.tsv"))
        for name, one in params.languages.items()
        if one.words
    }
    if len(shares) < len(params.languages):
        raise TextLSTMError(
            "expected a list of words for every language, got a language without. Name one under languages.*.words"
        )
    codes = codes_of(list(params.languages))
    dictionaries = {language: dictionary(code) or set() for language, code in zip(params.languages, codes, strict=True)}
    seen: set[str] = set()
    for language in params.languages:
        seen.update(read_text(paths.training_text(language)).split())
        seen.update(read_text(paths.drawn_words(language)).replace("'", " ").split())
    texts: dict[str, tuple[list[str], list[int]]] = {}
    for label, (language, own) in enumerate(shares.items()):
        others = [of_other for other, of_other in shares.items() if other != language]
        clear = {word: share for word, share in own.items() if len(word) > 1 and _is_clear(word, share, others)}
        elsewhere = set().union(*(words for other, words in dictionaries.items() if other != language))
        entries = [
            word
            for word in sorted(dictionaries[language] - elsewhere)
            if len(word) > 1 and _is_clear(word, own.get(word, 0.0), others)
        ]
        random = np.random.default_rng([params.seed, label])
        for what, words, chances in (
            ("drawn by frequency", list(clear), np.array(list(clear.values()))),
            ("of a dictionary", entries, None),
            ("of it never learnt from", [word for word in entries if word not in seen], None),
        ):
            if not words:
                continue
            chance = None if chances is None else chances / chances.sum()
            once = min(count, len(words)) if chances is None else count
            single = random.choice(words, once, p=chance, replace=chances is not None)
            pairs = random.choice(words, (count, 2), p=chance)
            for kind, strings in (
                (f"words {what}", single.tolist()),
                (f"pairs of words {what}", [" ".join(pair) for pair in pairs]),
            ):
                found = texts.setdefault(kind, ([], []))
                found[0].extend(strings)
                found[1].extend([label] * len(strings))
    return {
        what: (strings, np.array(labels))
        for what, (strings, labels) in texts.items()
        if len(set(labels)) == len(params.languages)
    }


def _is_clear(word: str, share: float, others: Sequence[Mapping[str, float]]) -> bool:
    return all(other.get(word, 0.0) * _CLEAR <= share for other in others)


def _report(results: dict[str, Any]) -> list[str]:
    systems, windows = results["systems"], results["windows"]
    lengths = list(systems[OURS]["by_length"])
    counts = " + ".join(
        f"{count:,} {language}" for language, count in zip(results["languages"], windows["count"], strict=True)
    )
    rows = []
    for name, system in systems.items():
        head = system["headline"]
        figures = [common.interval(head, "auc"), common.interval(head, "accuracy"), f"{head['no_answer']:.1%}"]
        rows.append([name, system["version"], *figures, system["held"], system["learnt"]])
    rows += [[name, why, "", "", "", "", ""] for name, why in results["missing"].items()]
    about = (
        f"Every window of {windows['length']} characters of the held-out texts ({counts}); 95 % intervals by the block bootstrap. "
        "An answer that favours no language counts as a toss. What a system learnt from is what its documentation says. "
        "Speed is in speed.md."
    )
    lines = [
        "<!-- Written by python -m benchmarks.language. -->",
        about,
        "",
        *common.table(
            ["system", "version", "AUC", "accuracy", "no answer", "how it is held to these languages", "learnt from"],
            rows,
        ),
    ]
    for key, title in (("auc", "AUC"), ("accuracy", "Accuracy")):
        lines += ["", f"{title} by the length of the window in characters:", ""]
        lines += common.table(
            ["system", *lengths],
            [
                [name, *(f"{system['by_length'][length][key]:.3f}" for length in lengths)]
                for name, system in systems.items()
            ],
        )
    kinds = list(systems[OURS]["words"])
    lines += ["", "Accuracy on whole words:", ""]
    lines += common.table(
        ["system", *(f"{kind} ({' + '.join(f'{count:,}' for count in results['texts'][kind])})" for kind in kinds)],
        [
            [name, *(common.interval(system["words"][kind], "accuracy") for kind in kinds)]
            for name, system in systems.items()
        ],
    )
    note = (
        f"{OURS} has learnt from the list that the words are drawn from by frequency. The dictionaries are Hunspell's: "
        "stems in small letters that stand in one language's dictionary alone, drawn evenly; never learnt from are "
        "those that occur in no text that it was trained on, in either language. "
        "All whole words are read between spaces by ours; the peers do with them as they do."
    )
    return [*lines, "", note]


def _draw(path: Path, results: dict[str, Any]) -> None:
    systems = results["systems"]
    figure, panels = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained", sharex=True, sharey=True)
    for panel, key, title in zip(panels, ("auc", "accuracy"), ("AUC", "accuracy"), strict=True):
        for name, system in systems.items():
            lengths = [int(length) for length in system["by_length"]]
            ours = name == OURS
            style = "-" if ours else "--" if name.startswith((OURS, "n-grams")) else ":"
            panel.plot(
                lengths,
                [figures[key] for figures in system["by_length"].values()],
                style,
                marker="o" if ours else ".",
                linewidth=2.5 if ours else 1.3,
                label=name,
                zorder=3 if ours else 2,
            )
        panel.set_xscale("log")
        panel.set_xticks(lengths, [str(length) for length in lengths])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
        panel.set(xlabel="characters", title=title, ylim=(0.44, 1.01))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    figure.suptitle(f"Windows of held-out text, {' against '.join(results['languages'])}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    common.run(main)
