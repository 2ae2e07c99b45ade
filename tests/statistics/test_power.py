"""How large a difference could have been seen."""

import math

import numpy as np
import pytest
from scipy import stats

from medabl.statistics import detectable_difference


@pytest.mark.parametrize("subjects", [2, 3, 5, 8, 30, 200])
def test_a_paired_t_test_finds_that_difference_in_four_of_five_repetitions(subjects: int) -> None:
    generator = np.random.default_rng(0)
    sample = generator.normal(size=subjects)
    sample = 0.03 * (sample - sample.mean()) / sample.std(ddof=1)
    shift = detectable_difference(sample)
    repeated = generator.normal(shift, 0.03, size=(20_000, subjects))
    found = (stats.ttest_1samp(repeated, 0, axis=1).pvalue <= 0.05).mean()
    assert found == pytest.approx(0.8, abs=0.01)


def test_it_shrinks_with_subjects_and_scales_with_the_spread() -> None:
    values = np.random.default_rng(1).normal(size=10)
    one, many = detectable_difference(values), detectable_difference(np.tile(values, 4))
    assert many < one / 1.9
    assert detectable_difference(3 * values) == pytest.approx(3 * one)


def test_one_subject_says_nothing() -> None:
    assert math.isnan(detectable_difference([0.1]))
