from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from torch import Tensor, nn

from medabl.data import Subject, find_subjects
from medabl.engine import Predictor, load_config, load_predictor, scan_subject
from medabl.errors import InputError
from medabl.task import WMH
from tests.conftest import write_nifti


class Threshold(nn.Module):
    """Says lesion where FLAIR, scaled to [0, 1], is above 0.6: a network whose answer is known."""

    def forward(self, x: Tensor) -> Tensor:
        lesion = 50 * (x[:, :1] - 0.6)
        return torch.cat([-lesion, lesion], dim=1)


def predictor(size: list[int], modalities: list[str], *more: str) -> Predictor:
    config = load_config(["wmh.yaml", *more], {"image_size": size, "modalities": modalities})
    parser = ConfigParser(config)
    preprocess, inferer = map(parser.get_parsed_content, ("preprocess", "volume_inferer"))
    cpu = torch.device("cpu")
    return Predictor([Threshold()], preprocess, inferer, modalities, WMH, "axial", cpu)


@pytest.mark.parametrize("modalities", [["flair"], ["flair", "t1"]])
def test_at_the_scans_own_size_the_mask_is_exact(cohort: Path, modalities: list[str]) -> None:
    """No interpolation takes place, so voxel for voxel the mask is the threshold's."""
    (subject, *_) = find_subjects(cohort, modalities)
    flair = nib.as_closest_canonical(nib.load(subject.images["flair"])).get_fdata()
    scaled = (flair - flair.min()) / (flair.max() - flair.min())
    lesion = predictor([24, 32], modalities).probabilities(subject)[0]
    np.testing.assert_array_equal(lesion > 0.5, scaled > 0.6)


def test_another_size_is_brought_back_in_place(cohort: Path) -> None:
    """Twice the size and back: only the rims of the discs may differ."""
    (subject, *_) = find_subjects(cohort, ["flair"])
    truth = nib.as_closest_canonical(nib.load(subject.label)).get_fdata() == 1
    lesion = predictor([48, 64], ["flair"]).probabilities(subject)[0] > 0.5
    assert 2 * (lesion & truth).sum() / (lesion.sum() + truth.sum()) > 0.9


def test_cropping_is_undone(tmp_path: Path) -> None:
    """A bright disc off centre in a dark field of view lands where it was."""
    data = np.zeros((40, 48, 5), np.float32)
    data[6:22, 20:44, 1:4] = 50
    data[10:18, 30:38, 2] = 100
    write_nifti(tmp_path / "a" / "pre" / "FLAIR.nii.gz", data)
    (subject,) = find_subjects(tmp_path, ["flair"], labelled=False)
    lesion = predictor([64, 64], ["flair"], "quick.yaml").probabilities(subject)[0] > 0.5
    assert lesion.shape == data.shape
    truth = data[::-1] > 60  # stored from left to right
    assert 2 * (lesion & truth).sum() / (lesion.sum() + truth.sum()) > 0.9


def test_the_written_mask_keeps_the_header(cohort: Path, tmp_path: Path) -> None:
    (subject, *_) = find_subjects(cohort, ["flair"])
    path = predictor([24, 32], ["flair"]).write_mask(subject, tmp_path / "new" / "m.nii.gz")
    scan, mask = nib.load(subject.images["flair"]), nib.load(path)
    np.testing.assert_array_equal(mask.affine, scan.affine)
    assert mask.header.get_zooms() == scan.header.get_zooms()
    assert mask.header["sform_code"] == scan.header["sform_code"]
    assert mask.get_data_dtype() == np.uint8


def test_wrong_number_of_images(cohort: Path) -> None:
    with pytest.raises(InputError, match="trained on flair, t1 and needs that many"):
        scan_subject([cohort / "Utrecht/0/pre/FLAIR.nii.gz"], ["flair", "t1"])


def test_bad_scan(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"a\.nii\.gz"):
        scan_subject([tmp_path / "a.nii.gz"], ["flair"])


def test_bad_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint"):
        load_predictor(tmp_path / "no.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        load_predictor(tmp_path / "text.pt")
    torch.save({"weights": 1}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="is not a medabl checkpoint: it has no 'network'"):
        load_predictor(tmp_path / "other.pt")


def test_a_subject_needs_no_label(cohort: Path) -> None:
    (subject, *_) = find_subjects(cohort, ["flair"])
    blind = Subject(subject.id, "", subject.images, None)
    one, other = (predictor([32, 32], ["flair"]).probabilities(s) for s in (subject, blind))
    np.testing.assert_array_equal(one, other)
