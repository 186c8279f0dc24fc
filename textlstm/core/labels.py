"""What a review is, and the numbers of its labels: the one place that gives them."""

from typing import TypedDict

NEGATIVE, POSITIVE, UNLABELLED = 0, 1, -1
LABELS = {NEGATIVE: "negative", POSITIVE: "positive", UNLABELLED: "unlabelled"}


class Review(TypedDict):
    """One review of the Large Movie Review Dataset."""

    part: str  # "train", "test" or "unlabelled"
    label: int  # a key of LABELS
    text: str
