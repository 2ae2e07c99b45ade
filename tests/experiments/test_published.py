"""The published tables are transcribed as the paper has them."""

from __future__ import annotations

import pytest

from medabl.engine import packaged_config
from medabl.experiments import read_sweep_file
from medabl.experiments.published import TABLES, PublishedTable, Row, read_published
from medabl.report.tables import PUBLISHED


def _row(number: int, *label: str) -> tuple[float, ...]:
    """A row's numbers, by the end of its label."""
    rows = [r for r in read_published(number).rows if r.label[-len(label) :] == label]
    assert len(rows) == 1, label
    return rows[0].published  # type: ignore[return-value]


@pytest.mark.parametrize("number", TABLES)
def test_every_table_can_be_read_and_tells_its_rows_apart(number: int) -> None:
    table = read_published(number)
    labels = [row.label for row in table.rows]
    assert len(set(labels)) == len(labels) >= 3
    assert all(column.metric or row.metric for column in table.columns for row in table.rows)


@pytest.mark.parametrize("number", [5, 6])
def test_the_mean_of_the_classes_is_the_published_mean(number: int) -> None:
    """One number copied wrongly in 285 or 171 would move a mean by more than rounding does."""
    for row in read_published(number).rows:
        *classes, mean = (float(value or 0) for value in row.published)
        assert len(classes) == 19
        assert sum(classes) / 19 == pytest.approx(mean, abs=0.0501), row.label


def test_differences_are_those_that_the_paper_prints_beside_the_means() -> None:
    for method, gains in {
        ("DeepLabV3 + SegFix", "DeepLabV3"): {5: [1.0]},
        ("DeepLabV3 + IABL", "DeepLabV3"): {5: [1.0]},
        ("OCR + SegFix", "OCR"): {5: [0.6], 6: [1.9, 0.6, 0.1]},
        ("OCR + IABL", "OCR"): {5: [0.9], 6: [1.6, 1.4, 1.1]},
    }.items():
        for number, expected in gains.items():
            means = [
                [row.published[-1] for row in read_published(number).rows if row.label[-1] == name]
                for name in method
            ]
            found = [with_it - without for with_it, without in zip(*means, strict=True)]  # type: ignore[operator]
            assert found == pytest.approx(expected)


def test_gains_are_those_of_the_text() -> None:
    one = {loss: _row(1, loss)[0] for loss in ("CE", "CE + IoU", "CE + IABL", "CE + ABL(20%)")}
    assert one["CE + IABL"] - one["CE"] == pytest.approx(1.0)
    assert one["CE + IABL"] - one["CE + IoU"] == pytest.approx(0.3)
    assert one["CE + ABL(20%)"] - one["CE"] == pytest.approx(0.1)
    ocr, ours = (
        _row(3, "OCR (2020)", "HRNetV2-W48", "4x"),
        _row(3, "OCR + IABL", "HRNetV2-W48", "4x"),
    )
    assert [b - a for a, b in zip(ocr, ours, strict=True)] == pytest.approx([1.22, 0.23])
    upernet = _row(3, "UperNet (2018)", "Swin-B", "4x"), _row(3, "UperNet + IABL", "Swin-B", "4x")
    assert upernet[1][0] - upernet[0][0] == pytest.approx(0.74)
    assert _row(4, "OCR + IABL", "HRNetV2-W48", "4x")[0] - _row(
        4, "OCR (2020)", "HRNetV2-W48", "4x"
    )[0] == pytest.approx(0.7)
    start, tuned = _row(7, "no", "CE"), _row(7, "yes", "CE + IABL")
    assert [b - a for a, b in zip(start, tuned, strict=True)] == pytest.approx([0.62, 0.96])
    # "By around 0.65 % over CE+IoU in the single-scale inference", of OCR.
    assert _row(2, "OCR (HRNetV2-W48)", "CE + IABL")[0] - _row(2, "OCR (HRNetV2-W48)", "CE + IoU")[
        0
    ] == pytest.approx(0.65)


def test_what_stands_in_two_tables_is_the_same() -> None:
    assert _row(3, "OCR (2020)", "HRNetV2-W48", "4x") == _row(2, "OCR (HRNetV2-W48)", "CE")[1::2]
    assert (
        _row(3, "OCR + IABL", "HRNetV2-W48", "4x")
        == _row(2, "OCR (HRNetV2-W48)", "CE + IABL")[1::2]
    )
    assert _row(5, "DeepLabV3")[-1] == _row(1, "CE")[0]
    assert _row(5, "DeepLabV3 + IABL")[-1] == _row(1, "CE + IABL")[0]


def test_table_8_is_the_one_that_the_comparison_shows() -> None:
    rows = {row.run["method"]: (*row.label, *row.published) for row in read_published(8).rows}  # type: ignore[index]
    assert rows == PUBLISHED


@pytest.mark.parametrize("number", range(1, 8))
def test_every_row_that_is_medabls_to_run_is_one_run_of_its_sweep(number: int) -> None:
    sweep = read_sweep_file(packaged_config(f"tables/table{number}.yaml"))
    runs = list(sweep.combinations())
    wanted = [row.run for row in read_published(number).rows if row.run is not None]
    for settings in wanted:
        assert sum(settings.items() <= run.items() for run in runs) == 1, settings
    assert all(any(w.items() <= run.items() for w in wanted) for run in runs)


def test_a_row_with_too_few_numbers_is_refused() -> None:
    content = read_published(1).model_dump(by_alias=True)
    short = Row(label=("CE",), published=(79.5,))
    with pytest.raises(ValueError, match="an entry for every label and column"):
        PublishedTable.model_validate({**content, "rows": [short.model_dump()]})
