"""The sweeps behind the paper's Tables 1 to 6."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from medabl.engine import packaged_config, settings_of
from medabl.engine.build import parse
from medabl.experiments.plan import PlannedRun, plan_runs
from medabl.experiments.sweep_file import read_sweep_file

LOSSES = ("ce", "ce_abl", "ce_iou", "ce_iou_bl", "iabl", "iabl_no_detach")
BOTH = ("ce", "iabl")
ROWS = {
    1: [("deeplabv3", loss) for loss in LOSSES],
    2: [
        *[("ocr", loss) for loss in ("ce", "ce_iou", "iabl", "ifkl")],
        *[("upernet", loss) for loss in ("ce", "ce_iou", "iabl", "ce_iou_bl")],
    ],
    3: [(net, loss) for net in ("ocr", "upernet") for loss in BOTH],
    4: [("ocr", loss) for loss in BOTH],
    5: [(net, loss) for net in ("deeplabv3", "ocr") for loss in BOTH],
    6: [("ocr", loss) for loss in BOTH],
}
CITYSCAPES = (1, 4, 5, 6)


@cache
def runs_of(table: int, *more: str) -> list[PlannedRun]:
    sweep = read_sweep_file(packaged_config(f"tables/table{table}.yaml"))
    common = {**sweep.common, "data": "DATA"}
    return plan_runs([*sweep.base, *more], common, sweep.combinations(), Path("OUT"))


@pytest.mark.parametrize("table", ROWS)
def test_a_tables_sweep_has_a_run_for_each_of_its_rows(table: int) -> None:
    runs = runs_of(table)
    assert [(run.config["net"], run.config["method"]) for run in runs] == ROWS[table]
    for run in runs:
        settings = settings_of(run.config)
        assert settings.task.name == ("cityscapes" if table in CITYSCAPES else "ade20k")
        assert len(settings.task.classes) == (19 if table in CITYSCAPES else 150)


@pytest.mark.parametrize("table", ROWS)
def test_the_miniature_of_a_table_is_short_and_says_which_network_stands_in(table: int) -> None:
    runs = runs_of(table, "natural_quick.yaml")
    assert [(run.config["net"], run.config["method"]) for run in runs] == ROWS[table]
    for run in runs:
        assert run.config["network"]["_target_"] == "medabl.networks.HRNetFCN"
        assert run.config["epochs"] * run.config["slices_per_epoch"] <= 2000
        assert "HRNetFCN for " in run.config["label"]


def test_networks_and_crops_are_the_tables() -> None:
    names = {"ocr": "HRNetOCR", "upernet": "UperNetSwinBase", "deeplabv3": "DeepLabV3ResNet50"}
    for run in [*runs_of(3), *runs_of(5)]:
        config = {**run.config, "label": run.config["label"].replace("@methods[@method]", "@pair")}
        parser = parse({**config, "pair": {"label": "L"}}, settings_of(run.config), None)  # type: ignore[arg-type]
        assert parser.get_parsed_content("label") == f"L, {names[run.config['net']]}"
        size = run.config["crops"].get(run.config["net"], run.config["image_size"])
        expected = {"cityscapes": [512, 1024], "ade20k": [520, 520]}[run.config["task"]["name"]]
        assert size == ([769, 769] if run.config["net"] == "deeplabv3" else expected)


@pytest.mark.parametrize(
    ("table", "endings"), [(1, {""}), (2, {"", "_ms"}), (3, {"", "_ms"}), (5, {""}), (6, {""})]
)
def test_a_table_is_evaluated_at_the_scales_of_its_caption(table: int, endings: set[str]) -> None:
    config = runs_of(table)[0].config
    parser = parse(config, settings_of(config), None)  # type: ignore[arg-type]
    inferers = parser.get_parsed_content("chosen_inferers")
    assert set(inferers) == endings
    multi = inferers["" if table == 6 else "_ms"] if table in (2, 3, 6) else None
    if multi is not None:
        assert len(multi.scales) == (7 if table in CITYSCAPES else 6)
        assert multi.mirror
