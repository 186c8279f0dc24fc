"""Temperatures, against truths that are known."""

import numpy as np
import pytest

from benchmarks.calibration import fit_temperature, temper
from tests.unit.detection.test_abstention import evidence
from textlstm.core.odds import posterior
from textlstm.detection.evidence import Evidence


def truth(scale: float, length: int, languages: int, count: int = 20_000) -> list[tuple[Evidence, int]]:
    """Log-likelihoods that are correct once multiplied by `scale`, by the language that was drawn with these odds."""
    random = np.random.default_rng([languages, length])
    calibrated = random.normal(size=(count, languages)) * 2
    labels = (posterior(calibrated).cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return [
        (evidence((calibrated[labels == label] / scale).tolist(), known=length), label) for label in range(languages)
    ]


@pytest.mark.parametrize("languages", [2, 4])
def test_a_known_temperature_is_found_again(languages: int) -> None:
    blocks = {length: truth(1.4 * length**-0.3, length, languages) for length in (1, 5, 20)}
    scale, exponent = fit_temperature([(1.0, blocks)])
    assert scale == pytest.approx(1.4, rel=0.04)
    assert exponent == pytest.approx(0.3, abs=0.02)


def test_one_temperature_does_not_depend_on_the_length() -> None:
    scale, exponent = fit_temperature([(1.0, {length: truth(1.5, length, 2) for length in (1, 20)})], by_length=False)
    assert scale == pytest.approx(1.5, rel=0.05)
    assert exponent == 0.0


def test_kinds_count_by_their_weight() -> None:
    easy, hard = ({length: truth(scale, length, 2) for length in (1, 20)} for scale in (1.5, 0.5))
    alone, mostly, half = (
        fit_temperature(kinds)[0] for kinds in ([(1.0, easy)], [(0.9, easy), (0.1, hard)], [(1.0, easy), (1.0, hard)])
    )
    assert alone > mostly > half > 0.5
    assert fit_temperature([(1.0, easy), (5.0, {1: [], 20: []})])[0] == alone  # a kind without windows weighs nothing


def test_texts_of_one_length_keep_their_order() -> None:
    some = evidence([[-1.0, -3.0], [-5.0, -2.0], [-4.0, -4.1]], known=9)
    np.testing.assert_allclose(temper(some, 0.8, 0.5), np.array(some.log_likelihoods) * 0.8 / 3)
    assert temper(evidence([[0.0, 0.0]], known=0), 2.0, 0.5).tolist() == [[0.0, 0.0]]
