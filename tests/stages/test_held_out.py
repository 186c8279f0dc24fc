"""What is tested on is not learnt from: by the graph of the pipeline, and by the bytes that its stages write."""

import importlib
from collections.abc import Callable
from pathlib import Path

import yaml

from stages import check_params, split_imdb
from textlstm.core import paths
from textlstm.core.files import read_arrays
from textlstm.core.labels import Review
from textlstm.core.parquet import write_parquet
from textlstm.data.reviews import reviews_table
from textlstm.language.vocabulary import Vocabulary

Workspace = Callable[..., Path]

PIPELINE = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = {name: entry.get("do", entry) for name, entry in PIPELINE.items()}
READS = {name: set(entry["deps"]) for name, entry in STAGES.items()}
WRITES = {
    name: {
        next(iter(out)) if isinstance(out, dict) else out
        for kind in ("outs", "metrics", "plots")
        for out in entry.get(kind, [])
    }
    for name, entry in STAGES.items()
}
TEST, TRAIN, RAW = (path.as_posix() for path in (paths.TEST_IMDB, paths.TRAIN_IMDB, paths.RAW_IMDB))


def overlap(one: str, other: str) -> bool:
    """Whether one path is the other or lies in it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def after(path: str) -> list[str]:
    """The stages that a file reaches, over any number of others, in an order in which they can run."""
    found: list[str] = []
    reached = {path}
    while more := [
        name
        for name in STAGES
        if name not in found and any(overlap(read, one) for read in READS[name] for one in reached)
    ]:
        found += more
        reached |= {out for name in more for out in WRITES[name]}

    def ready(name: str) -> bool:
        others = [other for other in found if other not in order and other != name]
        return not any(overlap(read, out) for other in others for read in READS[name] for out in WRITES[other])

    order: list[str] = []
    while len(order) < len(found):
        order.append(next(name for name in found if name not in order and ready(name)))
    return order


def test_reviews_to_test_on_reach_scores_and_what_is_made_of_scores_only() -> None:
    assert set(after(TEST)) == {"score_imdb", "evaluate_imdb", "track"}
    assert not any(out.startswith("models") for name in after(TEST) for out in WRITES[name])


def test_only_the_split_reads_all_reviews() -> None:
    assert {name for name in STAGES if any(overlap(read, RAW) for read in READS[name])} == {"split_imdb"}


DEFAULT = set(STAGES) - {"pretrain"}  # a stage only where the parameters name its dataset
LEARNING = [name for name in after(TRAIN) if name not in after(TEST) and name in DEFAULT]


def all_bytes(folder: Path, *names: str) -> dict[str, bytes]:
    found = (path for name in names for path in sorted((folder / name).rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def raw(labels_of_test: tuple[int, int], words_of_test: str) -> None:
    """Reviews of both halves; the half to test on has other words and labels each time."""
    words = {0: "bad awful dull", 1: "good great fun"}
    train = [
        Review(part="train", label=label, text=f"a {words[label]} film , number {n} !")
        for label in words
        for n in range(12)
    ]
    test = [
        Review(part="test", label=label, text=f"{words_of_test} {place} {n}")
        for place, label in enumerate(labels_of_test)
        for n in range(6)
    ]
    write_parquet(paths.RAW_IMDB, reviews_table(train + test))


def learn() -> None:
    for name in LEARNING:
        importlib.import_module(f"stages.{name}").main()


def test_what_is_learnt_is_the_same_whatever_is_tested_on(workspace: Workspace) -> None:
    assert {"vectorize_imdb", "train_imdb", "train_nbsvm"} <= set(LEARNING)
    folder = workspace({"imdb.protocol": "official"})
    check_params.main()
    written = []
    for labels, words in (((0, 1), "a good film"), ((1, 0), "bad zebra zebra")):
        raw(labels, words)
        split_imdb.main()
        learn()
        written.append(all_bytes(folder, "data/vectors", "models", "metrics") | {TRAIN: paths.TRAIN_IMDB.read_bytes()})
    assert {
        "models/imdb/weights.npz",
        "models/nbsvm/reviews.npz",
        "data/vectors/imdb/reviews.npz",
        "metrics/curves/imdb.csv",
    } <= set(written[0])
    assert written[0] == written[1]
    paths.TEST_IMDB.unlink()
    paths.RAW_IMDB.unlink()
    learn()
    assert all_bytes(folder, "data/vectors", "models", "metrics") == {
        key: written[0][key] for key in written[0] if key != TRAIN
    }

    scores = []  # and where it is read, other reviews do show
    for words in ("a good film", "bad zebra"):
        write_parquet(
            paths.TEST_IMDB, reviews_table([Review(part="test", label=label, text=words) for label in (0, 1)])
        )
        importlib.import_module("stages.score_imdb").main()
        scores.append(paths.SCORES_IMDB.read_bytes())
    assert scores[0] != scores[1]


def test_training_a_language_cannot_see_what_is_held_out() -> None:
    """Neither is a held-out text among what these stages read, nor is it in what they read was made of."""
    for stage in ("train_language", "train_ngram"):
        data = {read for read in READS[stage] if read.startswith("data/")}
        assert data == {"data/vectors/characters.json", "data/vectors/language/${key}.npz"}


def test_the_vocabulary_is_of_the_texts_to_learn_from(workspace: Workspace) -> None:
    workspace()
    for language in ("left", "right"):
        for path, text in (
            (paths.training_text(language), "abc"),
            (paths.drawn_words(language), ""),
            (paths.heldout_text(language), "xyz"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    importlib.import_module("stages.vectorize_language").main()
    assert Vocabulary.load(paths.VOCABULARY).characters == ("a", "b", "c")
    arrays = read_arrays(paths.language_vectors("left"))
    assert {name: len(ids) for name, ids in arrays.items()} == {"text": 3, "words": 0}
