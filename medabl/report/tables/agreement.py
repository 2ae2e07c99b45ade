"""Agreement of volume between prediction and reference as a table."""

from __future__ import annotations

import pandas as pd

from medabl.report.runs import Runs
from medabl.statistics import limits_of_agreement

_VOLUMES = ("reference_ml", "prediction_ml")


def volumes(runs: Runs, checkpoint: str) -> pd.DataFrame:
    """Give ``method, subject, reference_ml, prediction_ml, mean_ml, difference_ml``.

    Seeds are averaged. Empty when an evaluation does not hold the volumes.
    """
    tidy = runs.subjects(checkpoint)
    if any(column not in tidy for column in _VOLUMES):
        return pd.DataFrame()
    measured = tidy.dropna(subset=list(_VOLUMES))
    grouped = measured.groupby(["method", "subject"], as_index=False)[list(_VOLUMES)].mean()
    return grouped.assign(
        mean_ml=(grouped["reference_ml"] + grouped["prediction_ml"]) / 2,
        difference_ml=grouped["prediction_ml"] - grouped["reference_ml"],
    )


def agreement_table(runs: Runs, checkpoint: str) -> pd.DataFrame:
    """Give bias and 95 % limits of agreement (bias ± 1.96 sd over subjects), one row per method.

    Returns:
        ``method, label, subjects, bias_ml, sd_ml, lower_limit_ml, upper_limit_ml``; empty when
        the evaluations do not hold the volumes.
    """
    measured = volumes(runs, checkpoint)
    if measured.empty:
        return pd.DataFrame()
    rows: list[dict[str, object]] = []
    for method, label in runs.methods.items():
        difference = measured.loc[measured["method"] == method, "difference_ml"]
        if difference.empty:
            continue
        limits = limits_of_agreement(difference)
        row = {"method": method, "label": label, "subjects": len(difference)}
        rows.append(row | {f"{name}_ml": value for name, value in limits.items()})
    return pd.DataFrame(rows)


def format_agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Give agreement as text."""

    def number(value: float) -> str:
        if value != value:
            return "\N{EN DASH}"
        return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")

    rows = [
        {
            "Method": row["label"],
            "Subjects": str(row["subjects"]),
            "Bias (ml)": number(row["bias_ml"]),
            "95 % limits of agreement (ml)": (
                f"{number(row['lower_limit_ml'])} to {number(row['upper_limit_ml'])}"
            ),
        }
        for _, row in table.iterrows()
    ]
    return pd.DataFrame(rows)
