"""What decides answers and is set in params.yaml, neither trained nor fitted: models/detection.json and models/sentiment.json."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DetectionSettings:
    """Of the language detector."""

    languages: list[str]  # the first of two is the positive class
    ngram_weight: float  # share of the n-grams beside the LSTM
    threshold: float  # least probability of a language that is answered


@dataclass(frozen=True)
class SentimentSettings:
    """Of the sentiment classifier."""

    nbsvm_weight: float  # share of NB-SVM beside the LSTM, in whole reviews
    sentence_weight: float  # and in sentences
    threshold: float  # least probability of a sentiment that is answered
    words: list[int]  # numbers of words that the calibration has points at, ascending
    scale: list[float]  # at each, what the log-odds are multiplied by
    bias: list[float]  # and what is added to them then
