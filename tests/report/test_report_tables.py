from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic_runs import subject_names, write_run

from medabl.report import (
    analyse,
    comparison_table,
    format_table,
    load_runs,
    write_report,
    write_tables,
)
from medabl.report.markup import escape_tex, to_markdown
from medabl.report.tables import (
    PUBLISHED_SOURCE,
    agreement_table,
    comparisons_table,
    detection_table,
    format_tests,
)
from medabl.statistics import wilson_interval


@pytest.fixture
def runs(make_comparison):
    return load_runs([make_comparison(subjects=6, seeds=(0, 1), missing={"gdl": ["Utrecht/0"]})])


def test_rows_are_published_best_and_last_of_each_method(runs):
    table = comparison_table(runs)
    assert list(zip(table["method"], table["epoch"], table["source"], strict=True)) == [
        (method, epoch, source)
        for method in ("gdl", "gdl_bl", "gdl_abl")
        for epoch, source in (
            ("best", PUBLISHED_SOURCE),
            ("best", "medabl"),
            ("last", "medabl"),
        )
    ]


def test_published_numbers_stand_in_the_slice_columns_only(runs):
    table = comparison_table(runs)
    published = table[table["source"] == PUBLISHED_SOURCE]
    assert published["slice_dsc"].tolist() == [0.727, 0.748, 0.768]
    assert published["slice_hd_rows"].tolist() == [1.045, 0.987, 0.980]
    assert published["dsc"].isna().all() and published["hd95_mm"].isna().all()


def test_means_and_spreads_equal_those_of_the_files(runs):
    table = comparison_table(runs).set_index(["method", "epoch", "source"])
    row = table.loc[("gdl", "last", "medabl")]
    means = [run.evaluations["last"].subjects["hd95_mm"].mean() for run in runs.of("gdl")]
    assert row["hd95_mm"] == pytest.approx(np.mean(means))
    assert row["hd95_mm_sd"] == pytest.approx(np.std(means, ddof=1))
    assert row["hd95_mm_low"] < row["hd95_mm"] < row["hd95_mm_high"]
    assert row["hd95_mm_missing"] == 2
    assert (row["seeds"], row["subjects"]) == (2, 6)


def test_subjects_of_other_sites_have_no_published_rows(tmp_path):
    write_run(tmp_path / "own", "gdl", 0, ["Lyon/1", "Utrecht/2"])
    assert set(comparison_table(load_runs([tmp_path / "own"]))["source"]) == {"medabl"}
    write_run(tmp_path / "above", "gdl", 0, ["training/Singapore/51", "training/Utrecht/2"])
    table = comparison_table(load_runs([tmp_path / "above"]))
    assert PUBLISHED_SOURCE in set(table["source"])


def test_published_rows_can_be_left_out(runs, tmp_path):
    assert set(comparison_table(runs, published=False)["source"]) == {"medabl"}
    folders = [run.folder for run in runs.runs]
    page = write_report(folders, tmp_path, published=False).read_text()
    assert "Published rows" not in page and "Wang et al. 2022" not in page
    assert "published (Wang et al. 2022)" not in (tmp_path / "table.md").read_text()


def test_other_methods_have_no_published_rows(tmp_path):
    write_run(tmp_path, "dice", 0, subject_names(3))
    table = comparison_table(load_runs([tmp_path]))
    assert set(table["source"]) == {"medabl"}
    assert table["dsc_sd"].isna().all()


def test_text_has_spread_and_interval(tmp_path):
    for name, values in (("a", [0.5, 0.7]), ("b", [0.6, 0.6])):
        frame = pd.DataFrame({"subject": ["1", "2"], "dsc": values, "hd_mm": [3.0, np.nan]})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    text = format_table(comparison_table(load_runs(sorted(tmp_path.glob("*.csv")))))
    assert list(text.columns) == ["Method", "Epoch", "3D DSC ↑", "HD (mm) ↓"]
    assert text.iloc[0].tolist() == ["a", "as evaluated", "0.600 [0.500, 0.700]", "3.00"]


def test_written_tables_read_back_and_hold_the_published_rows(runs, tmp_path):
    table = comparison_table(runs)
    csv, md, tex = write_tables(table, tmp_path / "new")
    assert [path.name for path in (csv, md, tex)] == ["table.csv", "table.md", "table.tex"]
    back = pd.read_csv(csv)
    np.testing.assert_allclose(back["dsc"], table["dsc"], rtol=1e-5)
    lines = [line for line in md.read_text().splitlines() if line.startswith("|")]
    assert any("GDL + ABL, published (Wang et al. 2022)" in line for line in lines)
    assert "0.768" in md.read_text() and "Lesion F1" in md.read_text()
    cells = {line.count("|") for line in lines[:11]}
    assert len(cells) == 1, "every row of a Markdown table has the same number of cells"
    text = tex.read_text()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}}") == 2
    assert r"$\pm$" in text and r"$\uparrow$" in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert all(line.endswith(r"\\") for line in body)
    assert len({line.count("&") for line in body}) == 1


def test_tex_escapes_what_it_must():
    assert escape_tex("50 % & a_b {x} ±1 \\") == (r"50 \% \& a\_b \{x\} $\pm$1 \textbackslash{}")


def test_markdown_cells_cannot_break_the_table():
    text = to_markdown(pd.DataFrame({"a|b": ["x|y\nz"]}))
    assert text.splitlines() == [r"| a\|b   |", "|--------|", r"| x\|y z |"]


def test_tests_are_numbers_in_the_csv_and_words_for_people(runs):
    analysis = analyse(runs, "gdl", replicates=200)
    table = comparisons_table(analysis)
    assert len(table) == len(runs.metrics) * 2 * 2
    row = table[(table["metric"] == "hd95_mm") & (table["epoch"] == "best")].iloc[0]
    assert (row["dropped_subjects"], row["missing_values"], row["subjects"]) == (1, 2, 5)
    text = format_tests(analysis, "best")
    assert text["Metric"].iloc[0] == "3D DSC ↑"
    assert "5 (1 left out)" in set(text["Subjects"])


def test_wilson_by_the_textbook():
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), table I.
    low, high = wilson_interval(81, 263)
    assert (low, high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert all(np.isnan(wilson_interval(0, 0)))


def test_a_lesion_counts_once_whatever_the_seeds(tmp_path):
    names = subject_names(2)
    for seed, detected in ((0, [1, 1, 0]), (1, [1, 0, 0])):
        run = write_run(tmp_path, "gdl", seed, names)
        lesions = pd.DataFrame(
            {
                "subject": [names[0], names[0], names[1]],
                "site": "x",
                "volume_mm3": [5.0, 50.0, 60.0],
                "detected": detected,
            }
        )
        lesions.to_csv(run / "evaluation/best_lesions.csv", index=False)
    table = detection_table(load_runs([tmp_path]), "best")
    assert table["volume_low_mm3"].tolist() == [0, 30]
    assert table["lesions"].tolist() == [1, 2]
    assert table["detected"].tolist() == [1, 0.5]
    assert (table["low"].iloc[1], table["high"].iloc[1]) == wilson_interval(0.5, 2)


def test_agreement_by_hand(tmp_path):
    path = tmp_path / "a.csv"
    frame = {"subject": ["1", "2", "3"], "dsc": [0.5, 0.6, 0.7]}
    volumes = {"reference_ml": [1.0, 10.0, 20.0], "prediction_ml": [2.0, 10.0, 23.0]}
    pd.DataFrame(frame | volumes).to_csv(path, index=False)
    row = agreement_table(load_runs([path]), "file").iloc[0]
    sd = np.std([1, 0, 3], ddof=1)
    assert row["bias_ml"] == pytest.approx(4 / 3)
    assert row["lower_limit_ml"] == pytest.approx(4 / 3 - 1.96 * sd)
    assert row["upper_limit_ml"] == pytest.approx(4 / 3 + 1.96 * sd)


def test_without_volumes_or_lesions_there_is_no_table(tmp_path):
    pd.DataFrame({"subject": ["1"], "dsc": [0.5]}).to_csv(tmp_path / "a.csv", index=False)
    runs = load_runs([tmp_path / "a.csv"])
    assert agreement_table(runs, "file").empty
    assert detection_table(runs, "file").empty


def test_a_csv_beside_run_folders_is_compared_at_each_checkpoint(tmp_path):
    names = subject_names(7)
    run = write_run(tmp_path / "runs", "gdl", 0, names)
    frame = pd.read_csv(run / "evaluation/best.csv").assign(dsc=lambda f: f["dsc"] + 0.05)
    frame.to_csv(tmp_path / "nnunet.csv", index=False)
    runs = load_runs([tmp_path / "runs", tmp_path / "nnunet.csv"])
    table = comparison_table(runs)
    assert table["epoch"].tolist() == ["best", "best", "last", "file"]
    analysis = analyse(runs, replicates=100)
    best, last = (analysis.of(runs.primary, checkpoint)[0] for checkpoint in ("best", "last"))
    assert best.difference == pytest.approx(0.05)
    assert last.difference == pytest.approx(0.06)  # The factory takes 0.01 from the last epoch.
