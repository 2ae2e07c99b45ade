import json

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from typer.testing import CliRunner

from medabl.cli import app
from medabl.data import find_subjects
from medabl.errors import InputError
from medabl.export import convert_data
from tests.conftest import write_subject


def canonical(path):
    image = nib.as_closest_canonical(nib.load(path))
    return np.asarray(image.dataobj), image.affine


@pytest.fixture
def raw(cohort, tmp_path):
    out = tmp_path / "Dataset007_WMH"
    convert_data(cohort, "nnunet", out)
    return out


def test_nnunet_gets_every_image_and_mask_on_one_grid(cohort, raw):
    for subject in find_subjects(cohort):
        case = subject.id.replace("/", "_")
        mask, affine = canonical(subject.label)
        written = nib.load(raw / "labelsTr" / f"{case}.nii.gz")
        np.testing.assert_array_equal(np.asarray(written.dataobj), mask == 1)
        assert written.get_data_dtype() == np.uint8
        for channel, path in enumerate(subject.images.values()):
            image = nib.load(raw / "imagesTr" / f"{case}_{channel:04d}.nii.gz")
            np.testing.assert_array_equal(np.asarray(image.dataobj), canonical(path)[0])
            np.testing.assert_array_equal(image.affine, written.affine)
            np.testing.assert_allclose(image.affine, affine, atol=1e-5)


def test_the_description_is_what_nnunet_asks_for(raw):
    description = json.loads((raw / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "flair", "1": "t1"}
    assert description["labels"] == {"background": 0, "lesion": 1}
    assert description["numTraining"] == 6
    assert description["file_ending"] == ".nii.gz"


def test_medabl_reads_what_it_wrote(cohort, raw):
    names = {subject.id.replace("/", "_") for subject in find_subjects(cohort)}
    assert {subject.id for subject in find_subjects(raw)} == names


def test_back_again_subjects_have_their_names_and_lesions(cohort, raw, tmp_path):
    convert_data(raw, "wmh", tmp_path / "back")
    before, after = find_subjects(cohort), find_subjects(tmp_path / "back")
    assert [s.id for s in before] == [s.id for s in after]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(canonical(one.label)[0] == 1, canonical(other.label)[0])
        for path, back in zip(one.images.values(), other.images.values(), strict=True):
            np.testing.assert_array_equal(canonical(path)[0], canonical(back)[0])


def test_images_stored_in_other_orientations_end_on_one_grid(tmp_path):
    folder = write_subject(tmp_path / "data" / "a", seed=0)
    path = folder / "pre" / "T1.nii.gz"
    image = nib.load(path)
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt("PIR"))
    expected = canonical(path)[0]
    nib.save(image.as_reoriented(turn), path)
    out = tmp_path / "Dataset001_A"
    convert_data(tmp_path / "data", "nnunet", out)
    written = nib.load(out / "imagesTr" / "a_0001.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj), expected)


def test_subjects_without_a_mask_are_for_testing(tmp_path):
    write_subject(tmp_path / "data" / "a", seed=0)
    (write_subject(tmp_path / "data" / "b", seed=1) / "wmh.nii.gz").unlink()
    out = tmp_path / "Dataset001_A"
    convert_data(tmp_path / "data", "nnunet", out)
    assert (out / "imagesTs" / "b_0000.nii.gz").is_file()
    assert json.loads((out / "dataset.json").read_text())["numTraining"] == 1


def test_classes_that_a_data_set_names_are_kept(raw, tmp_path):
    path = raw / "dataset.json"
    labels = {"background": 0, "white_matter": 1, "grey": 2}
    path.write_text(json.dumps({**json.loads(path.read_text()), "labels": labels}))
    out = tmp_path / "Dataset002_B"
    convert_data(raw, "nnunet", out)
    named = json.loads((out / "dataset.json").read_text())["labels"]
    assert named == {"background": 0, "white matter": 1, "grey": 2}


def test_what_cannot_be_converted_is_said(cohort, raw, tmp_path):
    with pytest.raises(InputError, match="called like Dataset101_WMH"):
        convert_data(cohort, "nnunet", tmp_path / "mine")
    with pytest.raises(InputError, match="is there already"):
        convert_data(cohort, "nnunet", raw)
    path = raw / "dataset.json"
    regions = {"background": 0, "whole": [1, 2], "core": 2}
    path.write_text(json.dumps({**json.loads(path.read_text()), "labels": regions}))
    with pytest.raises(InputError, match="one value a class"):
        convert_data(raw, "wmh", tmp_path / "back")
    for name in ("a/b", "a_b"):
        write_subject(tmp_path / "same" / name, seed=0)
    with pytest.raises(InputError, match="the same in nnU-Net's names"):
        convert_data(tmp_path / "same", "nnunet", tmp_path / "Dataset003_C")


def test_the_command_says_how_many(cohort, tmp_path):
    out = tmp_path / "Dataset007_WMH"
    arguments = ["convert", "--data", str(cohort), "--to", "nnunet", "--out", str(out)]
    result = CliRunner().invoke(app, [*arguments, "--modalities", "flair"])
    assert result.exit_code == 0, result.output
    assert "6 subjects" in result.output
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "is there already" in result.output.replace("\n", " ")
