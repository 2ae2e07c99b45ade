import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from medabl.evaluation import summary_table


def table(values, sites):
    return pd.DataFrame({"subject": [*map(str, range(len(values)))], "site": sites, "dsc": values})


def row(summary, site, metric="dsc"):
    return summary[(summary["site"] == site) & (summary["metric"] == metric)].iloc[0]


def test_statistics_by_site():
    values = np.random.default_rng(0).random(30)
    sites = ["a"] * 10 + ["b/c"] * 20
    summary = summary_table(table(values, sites))
    assert summary["site"].tolist() == ["all", "a", "b/c"]
    for site, part in (("all", values), ("a", values[:10]), ("b/c", values[10:])):
        found = row(summary, site)
        assert (found["n"], found["n_nan"]) == (len(part), 0)
        assert found["mean"] == pytest.approx(part.mean())
        assert found["sd"] == pytest.approx(stats.tstd(part))
        assert found["median"] == pytest.approx(np.median(part))
        assert found["iqr"] == pytest.approx(stats.iqr(part))
        assert found["q3"] - found["q1"] == pytest.approx(found["iqr"])
        assert found["ci_low"] < found["mean"] < found["ci_high"]


def test_interval_is_the_same_every_time():
    values = table([0.1, 0.5, 0.4, 0.9], [""] * 4)
    assert summary_table(values).equals(summary_table(values))


def test_undefined_values_are_counted_and_left_out():
    summary = summary_table(table([1.0, math.nan, 3.0], [""] * 3))
    assert summary["site"].tolist() == ["all"]
    found = row(summary, "all")
    assert (found["n"], found["n_nan"], found["mean"]) == (2, 1, 2)


def test_few_equal_or_no_values():
    sites = ["one", "same", "same", "none"]
    summary = summary_table(table([0.5, 0.7, 0.7, math.nan], sites))
    one, same, none = (row(summary, s) for s in ("one", "same", "none"))
    assert one["mean"] == one["median"] == 0.5
    assert math.isnan(one["sd"]) and math.isnan(one["ci_low"]) and math.isnan(one["ci_high"])
    assert (same["sd"], same["ci_low"], same["ci_high"]) == pytest.approx((0, 0.7, 0.7))
    assert (none["n"], none["n_nan"]) == (0, 1)
    assert math.isnan(none["mean"]) and math.isnan(none["ci_low"])


def test_interval_as_a_bootstrap_written_out():
    values = np.random.default_rng(4).normal(0.7, 0.1, 60)
    resampled = np.random.default_rng(1).choice(values, (20000, 60)).mean(1)
    found = row(summary_table(table(values, [""] * 60)), "all")
    low, high = np.percentile(resampled, [2.5, 97.5])
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([low, high], abs=0.003)
