"""The examples of docs/training.md, carried out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from monai.bundle import ConfigParser

from medabl.engine import load_config, train
from medabl.files import read_json
from medabl.transforms import BoundaryDistanceMapd

GUIDE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
EXAMPLES = {
    heading: re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    for heading, section in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.M)
}
TINY = {"image_size": [32, 32], "width": 2, "epochs": 1, "validation": 2, "device": "cpu"}


@pytest.mark.parametrize(
    ("heading", "number"),
    [("Your network", 0), ("Your loss", 0), ("Augmentation", 0)],
)
def test_an_example_of_the_guide_trains(
    cohort: Path, tmp_path: Path, heading: str, number: int
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(EXAMPLES[heading][number])
    places = {"data": str(cohort), "run_dir": str(tmp_path / "run")}
    folder = train(load_config(["wmh.yaml", mine], {**TINY, **places}))
    assert folder.status() == "done"
    expected = "dice_focal" if heading == "Your loss" else "gdl_abl"
    assert read_json(folder.info)["method"] == expected


def test_after_a_move_the_map_is_that_of_the_moved_label(cohort: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(EXAMPLES["Augmentation"][0])
    overrides = {**TINY, "data": str(cohort), "run_dir": str(tmp_path / "run")}
    parser = ConfigParser(load_config(["wmh.yaml", mine], overrides))
    slices = parser.get_parsed_content("train_data")
    still = parser.get_parsed_content("train_volumes")
    again = BoundaryDistanceMapd(keys="label", output_keys="again")
    moved = 0
    for index, sample in enumerate(slices):
        volume, z = divmod(index, 4)
        moved += not np.array_equal(sample["label"][0], still[volume]["label"][0, ..., z])
        np.testing.assert_array_equal(sample["distance_map"], again(dict(sample))["again"])
    assert moved > 0
