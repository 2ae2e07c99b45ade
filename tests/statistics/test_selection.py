"""What a method is worth that was chosen by the comparison it won."""

import math

import numpy as np
import pandas as pd
import pytest

from medabl.statistics import value_when_chosen_by_others


def frames(values: np.ndarray) -> dict[str, pd.DataFrame]:
    return {f"m{index}": pd.DataFrame(rows) for index, rows in enumerate(values)}


@pytest.mark.parametrize("higher", [True, False])
def test_it_equals_the_loop_over_left_out_subjects(higher: bool) -> None:
    values = np.random.default_rng(0).normal(size=(4, 9, 3))
    means = values.mean(axis=2)
    expected = []
    for subject in range(9):
        rest = np.delete(means, subject, axis=1).mean(axis=1)
        expected.append(means[rest.argmax() if higher else rest.argmin(), subject])
    got = value_when_chosen_by_others(frames(values), higher)
    assert got == pytest.approx(np.mean(expected))


def test_among_equal_methods_the_choice_gains_nothing_while_the_winner_seems_to() -> None:
    generator = np.random.default_rng(1)
    chosen, winner = [], []
    for _ in range(400):
        values = generator.normal(size=(5, 8, 1))
        chosen.append(value_when_chosen_by_others(frames(values), True))
        winner.append(values.mean(axis=(1, 2)).max())
    assert np.mean(winner) > 0.3
    assert np.mean(chosen) < 0.05


def test_subjects_without_a_value_are_left_out() -> None:
    values = np.array([[[1.0], [2.0], [np.nan]], [[0.0], [0.0], [9.0]]])
    assert value_when_chosen_by_others(frames(values), True) == pytest.approx(1.5)
    assert math.isnan(value_when_chosen_by_others(frames(values[:, 1:]), True))
