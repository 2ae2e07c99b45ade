"""`medabl reproduce --table 7` on the miniature, as small as it gets."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from medabl.experiments import reproduce_table
from medabl.runs import RunFolder, load_checkpoint
from tests.experiments.small_sweep import ROOT, medabl, written

TINY = ("epochs=1", "slices_per_epoch=4", "width=2", "image_size=32,48")
ARGUMENTS = ("--device", "cpu", *(part for text in TINY for part in ("--set", text)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("table") / "out"


@pytest.fixture(scope="module")
def told(place: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("OMP_NUM_THREADS", "1")
        return medabl("reproduce", "--table", 7, "--out", place, *ARGUMENTS)


def _metrics(path: Path) -> pd.Series:
    return pd.read_csv(path).set_index(["metric", "class"])["value"]


def _run(place: Path, method: str) -> RunFolder:
    (path,) = (place / "runs").glob(f"method={method},*")
    return RunFolder(path)


def test_the_published_numbers_stand_beside_ours(place: Path, told: str) -> None:
    lines = (place / "table.md").read_text().splitlines()
    assert "| yes | CE + IABL | published | 89.29 | 90.82 |" in lines
    metrics = _metrics(_run(place, "iabl").natural_metrics)
    ours = [f"{100 * metrics[name, 'all']:.2f}" for name in ("j_mean", "f_mean")]
    assert f"| yes | CE + IABL | medabl, miniature | {' | '.join(ours)} |" in lines
    assert "MINIATURE" in told
    assert f"Table: {place / 'table.md'}" in told


def test_all_runs_begin_with_the_weights_of_the_first(place: Path, told: str) -> None:
    (first,) = (place / "first").glob("*/run.json")
    tuned = [_run(place, method) for method in ("ce", "ce_iou", "ifkl", "iabl")]
    before = _metrics(RunFolder(first.parent).natural_metrics)
    for run in tuned:
        pd.testing.assert_series_equal(_metrics(run.start_metrics), before)
    last = [load_checkpoint(run.checkpoint("last"))["network"] for run in tuned]
    assert not any((a["decoder.predict.weight"] == b["decoder.predict.weight"]).all()
                   for a, b in itertools.pairwise(last))  # fmt: skip
    row = f"| no | CE | medabl, miniature | {100 * before['j_mean', 'all']:.2f} |"
    assert row in (place / "table.md").read_text()


def test_masks_are_written_as_davis_takes_them(place: Path, told: str) -> None:
    masks = sorted(_run(place, "ce").path.glob("predictions/last/*/*.png"))
    truth = sorted((place / "miniature" / "Annotations" / "480p").glob("shapes-01[6-9]/*.png"))
    assert [m.parts[-2:] for m in masks] == [t.parts[-2:] for t in truth]
    with Image.open(masks[0]) as mask, Image.open(truth[0]) as other:
        assert (mask.mode, mask.size) == ("P", other.size)


def test_begun_again_it_repeats_nothing_and_prints_the_table(place: Path, told: str) -> None:
    before = written(place)
    again = medabl("reproduce", "--table", 7, "--out", place, *ARGUMENTS)
    assert written(place) == before
    assert "CE + IFKL" in again


def test_another_table_in_the_same_folder_is_refused(place: Path, told: str) -> None:
    said = medabl("reproduce", "--table", 1, "--out", place, code=2)
    assert f"{place} holds a comparison with other settings (table: 7, now 1)" in said


def test_arguments_of_the_comparison_mean_nothing_to_a_table(tmp_path: Path) -> None:
    said = medabl("reproduce", "--table", 7, "--losses", "ce", "--out", tmp_path / "out", code=2)
    assert "--losses has no meaning with --table 7, whose sweep says it" in said
    assert not (tmp_path / "out").exists()


def test_a_table_without_a_sweep_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduce_table, "packaged_config", lambda name: tmp_path / name)
    said = medabl("reproduce", "--table", 3, "--out", tmp_path / "out", code=2)
    assert re.search(r"Table 3 cannot be run by this version .*configs/tables/table3\.yaml", said)
