"""The bar for the sentiment model: word weights and a linear model, no order of words at all.

TF-IDF with a linear support vector machine, as in Joachims (1998), through scikit-learn.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from textlstm.sentiment.tokenizer import words_of


def train_linear_svm(
    texts: Sequence[str], labels: npt.NDArray[np.int64], *, punctuation: bool = True, seed: int
) -> Pipeline:
    """Fit the baseline; its `decision_function` is positive where a review is. `punctuation`: see `words_of`."""
    vectorizer = TfidfVectorizer(
        tokenizer=partial(words_of, punctuation=punctuation),
        token_pattern=None,
        lowercase=False,
        min_df=2,
        sublinear_tf=True,
    )
    return make_pipeline(vectorizer, LinearSVC(C=0.25, random_state=seed)).fit(texts, labels)
