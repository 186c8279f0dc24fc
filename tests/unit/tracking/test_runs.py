"""What of the studies an MLflow run holds: few numbers, as a run is compared with others by eye."""

from textlstm.tracking.runs import _study_metrics


def test_of_a_spread_only_the_headline_is_tracked() -> None:
    figure = {"mean": 0.9, "standard_deviation": 0.01, "least": 0.89, "largest": 0.91}
    other = dict.fromkeys(figure, 0.5)
    summary = {"detector": {"auc": figure, "accuracy": other}, "lstm": {"auc": other, "accuracy": other}}
    studies = {"spread": {"language": {"summary": summary}}, "learning_curve": {"imdb": {"points": []}}}
    assert _study_metrics(studies) == [
        ("spread.language.auc.mean", 0.9, 0),
        ("spread.language.auc.standard_deviation", 0.01, 0),
        ("spread.language.accuracy.mean", 0.5, 0),
        ("spread.language.accuracy.standard_deviation", 0.5, 0),
    ]
    assert _study_metrics({}) == []
