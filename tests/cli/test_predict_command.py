"""`medabl predict` of a folder of scans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medabl.engine import train
from tests.conftest import write_nifti, write_subject
from tests.experiments.small_sweep import medabl
from tests.small_runs import small_config


@pytest.fixture(scope="module")
def checkpoint(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network of FLAIR and T1."""
    place = tmp_path_factory.mktemp("run") / "run"
    return train(small_config(cohort, place, method="gdl", epochs=1)).checkpoint("last")


def test_the_probabilities_of_a_folder_are_named(
    checkpoint: Path, cohort: Path, tmp_path: Path
) -> None:
    text = medabl("predict", "--checkpoint", checkpoint, "--data", cohort / "Utrecht",
                   "--out", tmp_path, "--probability")  # fmt: skip
    assert "Probability: SUBJECT_probability.nii.gz, beside the mask of each" in text
    for subject in ("0", "7", "14"):
        assert (tmp_path / f"{subject}_probability.nii.gz").is_file()


def rooms(root: Path) -> None:
    (root / "images" / "training").mkdir(parents=True)


def table(root: Path) -> None:
    root.mkdir()
    (root / "subjects.csv").write_text("subject,flair\n")


def bids(root: Path) -> None:
    write_nifti(root / "sub-1" / "anat" / "sub-1_FLAIR.nii.gz", np.zeros((3, 3, 3), np.float32))


def nnunet(root: Path) -> None:
    (root / "imagesTr").mkdir(parents=True)
    (root / "dataset.json").write_text('{"channel_names": {"0": "FLAIR"}, "labels": {}}')


def challenge(root: Path) -> None:
    write_subject(root / "a", 0, modalities=("FLAIR",))


@pytest.mark.parametrize(
    ("write", "missing"),
    [
        (challenge, "{data}/a/pre has no T1.nii.gz (it holds: FLAIR.nii.gz)"),
        (
            bids,
            "{data}/sub-1/anat has no image with the suffix 't1w' for t1 (it holds: sub-1_FLAIR",
        ),
        (nnunet, "{data}/dataset.json lists no modality t1"),
        (table, "{data}/subjects.csv has no column 't1' (it has: subject, flair)"),
        (rooms, "{data} holds pictures or videos, whose only modality is rgb"),
    ],
)
def test_an_image_that_a_checkpoint_needs_is_missed_with_what_can_be_done(
    write: Callable[[Path], None], missing: str, checkpoint: Path, tmp_path: Path
) -> None:
    """The modalities are the checkpoint's: nothing that a user could set."""
    data = tmp_path / "data"
    write(data)
    out = tmp_path / "out"
    words = ["--checkpoint", checkpoint, "--data", data, "--out", out]
    text = medabl("predict", *words, code=2)
    assert missing.format(data=data) in text
    assert "; the checkpoint was trained on flair, t1 and needs them all of every subject" in text
    assert "add what is missing, or name other data or another checkpoint." in text
    assert "modalities" not in text
    assert not out.exists()
