from __future__ import annotations

import pytest
from synthetic_runs import subject_names, write_run

from medabl.errors import InputError
from medabl.report import analyse, compare_methods, load_runs
from medabl.statistics import holm


def test_comparisons_are_corrected_and_named(make_comparison):
    runs = load_runs([make_comparison()])
    every = compare_methods(runs, runs.primary, "best", replicates=300)
    assert [(c.method, c.reference) for c in every] == [
        ("gdl_bl", "gdl"),
        ("gdl_abl", "gdl"),
        ("gdl_abl", "gdl_bl"),
    ]
    assert [c.p_holm for c in every] == pytest.approx(holm([c.p_value for c in every]))
    assert {c.family for c in every} == {3}
    abl = every[1]
    # The factory adds 0.05 to every subject's Dice.
    assert abl.difference == pytest.approx(0.05, abs=0.01)
    assert abl.distinguishable and abl.better == "gdl_abl"
    assert len(compare_methods(runs, runs.primary, "best", "gdl", replicates=100)) == 2


def test_lower_is_better_for_distances(make_comparison):
    runs = load_runs([make_comparison()])
    (metric,) = [m for m in runs.metrics if m.column == "hd95_mm"]
    comparison = compare_methods(runs, metric, "best", "gdl", replicates=300)[1]
    assert comparison.difference < 0
    assert comparison.better == "gdl_abl"


@pytest.mark.parametrize(("subjects", "possible"), [(5, False), (6, True)])
def test_fewer_than_six_subjects_conclude_nothing(make_comparison, subjects, possible):
    gains = {"gdl": 0.0, "gdl_abl": 0.1}
    runs = load_runs([make_comparison(subjects=subjects, gains=gains)])
    (comparison,) = compare_methods(runs, runs.primary, "best", replicates=300)
    # All subjects favour one method, so p is the smallest there is: 2 / 2^n.
    assert comparison.p_value == pytest.approx(2 / 2**subjects)
    assert comparison.smallest_p == comparison.p_value
    assert comparison.can_conclude is possible
    assert comparison.distinguishable is possible


def test_many_methods_are_compared_with_the_first_and_few_in_every_pair(tmp_path):
    for number in range(6):
        write_run(tmp_path, f"m{number}", 0, subject_names(6), 0.01 * number)
    runs = load_runs([tmp_path])
    many = analyse(runs, replicates=20).of(runs.primary, "best")
    assert [(c.method, c.reference) for c in many] == [(f"m{n}", "m0") for n in range(1, 6)]
    few = load_runs([tmp_path / f"m{number}-f0-s0" for number in range(5)])
    assert len(analyse(few, replicates=20).of(few.primary, "best")) == 10


def test_a_reference_may_be_named_by_its_label(make_comparison):
    runs = load_runs([make_comparison(subjects=4, seeds=(0,))])
    analysis = analyse(runs, "GDL + BL", replicates=20)
    assert {c.reference for c in analysis.comparisons} == {"gdl_bl"}
    with pytest.raises(InputError, match="'d' is none of the methods: gdl, gdl_bl, gdl_abl"):
        analyse(runs, "d", replicates=20)
