"""The committed results: they clear their floors, and README says what they say."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from textlstm.core.config import flat

ROOT = Path(__file__).parents[2]
LANGUAGE = json.loads((ROOT / "metrics/language.json").read_text(encoding="utf-8"))
IMDB = json.loads((ROOT / "metrics/imdb.json").read_text(encoding="utf-8"))
EXPERIMENTS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "experiments/results").glob("*.json")
}


def rows(name: str) -> list[dict[str, str]]:
    with (ROOT / f"metrics/plots/{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_detector_is_above_its_floor_and_above_counting() -> None:
    assert LANGUAGE["auc"] >= 0.963
    assert LANGUAGE["accuracy"] >= 0.86
    assert LANGUAGE["lstm"]["auc"] >= 0.958
    assert LANGUAGE["lstm"]["auc"] > LANGUAGE["text_ngrams"]["auc"]
    assert LANGUAGE["auc_low"] < LANGUAGE["auc"] < LANGUAGE["auc_high"]


def test_odds_mean_what_they_say_and_other_languages_are_told() -> None:
    assert LANGUAGE["calibration"]["ece"] <= 0.03
    assert IMDB["ece"] <= 0.02
    assert LANGUAGE["abstention"]["accuracy_of_answered"] > LANGUAGE["accuracy"]
    assert LANGUAGE["abstention"]["false_out_of_set"] <= 0.01
    told = {row["series"]: float(row["rejected"]) for row in rows("out_of_set_language") if row["length"] == "20"}
    assert told["other languages"] >= 0.85


def test_longer_strings_are_easier() -> None:
    by_length = {
        int(row["length"]): float(row["auc"]) for row in rows("by_length_language") if row["series"] == "detector"
    }
    aucs = [by_length[length] for length in (1, 2, 3, 5, 10, 20, 50)]
    assert aucs == sorted(aucs)
    assert by_length[5] == LANGUAGE["auc"]


def test_the_sentiment_model_is_above_its_floor_and_above_a_linear_model() -> None:
    assert (IMDB["protocol"], IMDB["reviews"]) == ("holdout", 5000)
    assert IMDB["accuracy"] >= 0.90
    assert IMDB["auc"] >= 0.96
    assert IMDB["lstm"]["accuracy"] >= 0.87
    assert IMDB["accuracy"] >= 0.925
    assert IMDB["accuracy"] > IMDB["linear_svm"]["accuracy"]


def test_the_lstm_adds_to_counting_by_more_than_chance() -> None:
    assert IMDB["gain_over_nbsvm"]["auc_low"] > 0


def test_sentences_are_decided_and_calibrated_at_every_length() -> None:
    sentences = IMDB["sentences"]
    assert sentences["accuracy"] >= 0.75
    for length in ("to_10_words", "11_to_50_words", "from_51_words"):
        assert sentences[f"ece_{length}"] <= 0.03
    by_words = [row for row in rows("by_words_imdb") if row["series"] == "classifier"]
    assert [float(row["accuracy"]) >= 0.74 for row in by_words] == [True] * 6
    assert float(by_words[-1]["accuracy"]) >= 0.92


@pytest.mark.parametrize("metrics", [LANGUAGE, IMDB], ids=["language", "imdb"])
def test_there_are_no_more_figures_than_people_can_compare(metrics: dict[str, Any]) -> None:
    assert len([value for value in flat(metrics).values() if not isinstance(value, str)]) <= 32


def test_pretraining_pays_under_the_official_protocol() -> None:
    pretrained, official = EXPERIMENTS["imdb_pretrained"], EXPERIMENTS["imdb_official"]
    assert {(each["protocol"], each["reviews"]) for each in (pretrained, official)} == {("official", 25_000)}
    assert official["accuracy"] >= 0.915
    assert pretrained["accuracy"] >= 0.925
    assert pretrained["lstm"]["accuracy"] >= 0.92
    assert pretrained["lstm"]["accuracy"] > pretrained["nbsvm"]["accuracy"]  # the LSTM alone is above counting
    assert pretrained["accuracy_low"] > pretrained["nbsvm"]["accuracy_high"]
    assert pretrained["auc_low"] > official["auc_high"]


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_the_documents_quote_the_results_of_the_experiments(name: str) -> None:
    line = next(
        line
        for line in (ROOT / "docs/experiments.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{name}`")
    )
    assert f"AUC {EXPERIMENTS[name]['auc']:.4f}, accuracy {EXPERIMENTS[name]['accuracy']:.4f} |" in line


@pytest.mark.parametrize(
    "figure", [LANGUAGE["auc"], LANGUAGE["lstm"]["auc"], IMDB["accuracy"], IMDB["lstm"]["accuracy"]]
)
def test_readme_quotes_the_committed_figures(figure: float) -> None:
    assert f"{figure:.4f}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_model_card_quotes_the_tables_of_domains() -> None:
    text, card = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("benchmarks/results/domains.md", "MODEL_CARD.md")
    )
    tables = [part for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables) == 2
    assert all(table.strip() in card for table in tables)
