"""A bundle is run as its reader would: in an environment without medabl, by MONAI's command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import monai.bundle
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from typer.testing import CliRunner

from medabl.cli import app
from medabl.data import find_subjects
from medabl.errors import InputError
from medabl.export.bundle import write_bundle
from medabl.export.monai_recipe import monai_preprocessing
from tests.conftest import write_subject

TINY = ["image_size=[32,32]", "width=2", "epochs=2", "validation=2", "slices_per_epoch=40"]
# Settings that between them use every transform of the wiring.
CONFIGS = {
    "paper": ["wmh.yaml"],
    "quick": ["wmh.yaml", "quick.yaml"],
    "3d": ["wmh3d.yaml", "image_size=[16,16,4]", "patches_per_volume=2"],
}
# What MONAI's specification of a bundle says of metadata.json, as a schema; MONAI's own is behind
# an address that tests do not reach.
TENSOR = {
    "type": "object",
    "required": ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range",
                 "is_patch_data", "channel_def"],
    "properties": {
        "type": {"type": "string"},
        "format": {"enum": ["magnitude", "labels"]},
        "modality": {"type": "string"},
        "num_channels": {"type": "integer", "minimum": 1},
        "spatial_shape": {"type": "array", "items": {"type": ["integer", "string"]}},
        "dtype": {"type": "string"},
        "value_range": {"type": "array"},
        "is_patch_data": {"type": "boolean"},
        "channel_def": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}  # fmt: skip
SCHEMA = {
    "type": "object",
    "required": ["schema", "version", "changelog", "monai_version", "pytorch_version",
                 "numpy_version", "required_packages_version", "task", "description", "authors",
                 "copyright", "network_data_format"],
    "properties": {
        **{key: {"type": "string", "minLength": 1}
           for key in ("version", "task", "description", "authors", "copyright")},
        **{key: {"type": "string", "pattern": r"^\d+\.\d+"}
           for key in ("monai_version", "pytorch_version", "numpy_version")},
        "changelog": {"type": "object"},
        "network_data_format": {
            "type": "object",
            "required": ["inputs", "outputs"],
            "properties": {
                "inputs": {"type": "object", "additionalProperties": TENSOR},
                "outputs": {"type": "object", "additionalProperties": TENSOR},
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Scans of four subjects, two of them stored in other orientations."""
    root = tmp_path_factory.mktemp("data")
    for number, codes in enumerate(["LAS", "RAS", "PIR", "ASL"]):
        folder = write_subject(root / str(number), seed=number)
        for path in [*(folder / "pre").iterdir(), folder / "wmh.nii.gz"]:
            image = nib.load(path)
            turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(codes))
            turned = image.as_reoriented(turn)
            nib.save(nib.Nifti1Image(np.array(turned.dataobj), turned.affine), path)
    return root


@pytest.fixture(scope="module", params=CONFIGS)
def run(request, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "run"
    arguments = [*TINY, *CONFIGS[request.param], f"data={data}", f"run_dir={folder}", "method=gdl"]
    result = CliRunner().invoke(app, ["train", *arguments, "device=cpu"])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def bundle(run):
    out = run.parent / "bundle"
    result = CliRunner().invoke(app, ["bundle", "--run", str(run), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """A Python that has what this one has, but not medabl."""
    venv = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(str(Path(torch.__file__).parents[1]))
    return venv / "bin" / "python"


def run_bare(python, bundle, *arguments):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [python, "-c", "import medabl"]
    without = subprocess.run(command, cwd=bundle, env=environment, capture_output=True, check=False)
    if without.returncode == 0:
        pytest.skip("medabl is installed among the shared packages, not editable")
    command = [python, "-m", "monai.bundle", "run", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=bundle, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_without_medabl_the_bundle_gives_the_masks_of_predict(
    run, bundle, data, bare_python, tmp_path
):
    run_bare(bare_python, bundle, "--config_file", "configs/inference.yaml",
             "--dataset_dir", data, "--output_dir", tmp_path)  # fmt: skip
    arguments = ["predict", "--checkpoint", run / "checkpoints" / "best.pt", "--device", "cpu",
                 "--data", data, "--out", tmp_path / "ours"]  # fmt: skip
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    lesion = 0
    for subject in find_subjects(data):
        expected = nib.load(tmp_path / "ours" / f"{subject.id}.nii.gz")
        mask = nib.load(tmp_path / subject.id / "pre" / "FLAIR_mask.nii.gz")
        np.testing.assert_array_equal(np.asarray(mask.dataobj), np.asarray(expected.dataobj))
        np.testing.assert_allclose(mask.affine, expected.affine, atol=1e-4)
        assert mask.get_data_dtype() == np.uint8
        lesion += np.asarray(mask.dataobj).sum()
    assert lesion > 0


def test_without_medabl_the_bundle_gives_the_numbers_of_evaluate(
    run, bundle, data, bare_python, tmp_path
):
    run_bare(bare_python, bundle, "--config_file",
             "['configs/inference.yaml','configs/evaluate.yaml']",
             "--dataset_dir", data, "--output_dir", tmp_path)  # fmt: skip
    dice = pd.read_csv(tmp_path / "mean_dice_raw.csv")
    theirs = {
        Path(name).parts[-3]: value for name, value in zip(dice.filename, dice["mean"], strict=True)
    }
    ours = pd.read_csv(run / "evaluation" / "best.csv", dtype={"subject": str})
    assert len(ours) == 2
    for row in ours.itertuples():
        assert theirs[row.subject] == pytest.approx(row.dsc, abs=1e-6)


def test_monai_verifies_network_and_metadata(bundle, tmp_path):
    pytest.importorskip("jsonschema")
    metadata = bundle / "configs" / "metadata.json"
    inference = bundle / "configs" / "inference.yaml"
    monai.bundle.verify_net_in_out(
        net_id="network",
        meta_file=metadata,
        config_file=inference,
        device="cpu",
        bundle_root=str(bundle),
    )
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(SCHEMA))
    monai.bundle.verify_metadata(meta_file=metadata, filepath=schema)
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({**json.loads(metadata.read_text()), "network_data_format": {}}))
    with pytest.raises(ValueError, match="Failed validating"):
        monai.bundle.verify_metadata(meta_file=broken, filepath=schema)


def test_the_bundle_has_the_files_of_the_specification(bundle):
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert {"configs/metadata.json", "models/model.pt", "models/model.ts", "docs/README.md",
            "docs/license.txt"} <= files  # fmt: skip
    assert "Apache License" in (bundle / "docs" / "license.txt").read_text()
    weights = torch.load(bundle / "models" / "model.pt", weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in weights.values())


def test_the_training_config_is_the_runs_without_its_paths(run, bundle, data):
    theirs = yaml.safe_load((bundle / "configs" / "train.yaml").read_text())
    ours = yaml.safe_load((run / "config.yaml").read_text())
    assert str(data) in (run / "config.yaml").read_text()
    assert str(data) not in (bundle / "configs" / "train.yaml").read_text()
    assert {**ours, "data": None, "run_dir": None} == theirs


def test_onnx_gives_the_networks_logits(run, tmp_path):
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)
    write_bundle(run, tmp_path / "b", onnx=True)
    import onnxruntime

    metadata = json.loads((tmp_path / "b" / "configs" / "metadata.json").read_text())
    size = metadata["network_data_format"]["inputs"]["image"]["spatial_shape"]
    batch = torch.rand(5, 2, *size)
    session = onnxruntime.InferenceSession(tmp_path / "b" / "models" / "model.onnx")
    (logits,) = session.run(None, {"image": batch.numpy()})
    expected = torch.jit.load(tmp_path / "b" / "models" / "model.ts")(batch)
    np.testing.assert_allclose(logits, expected.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime", "onnxscript"])
def test_without_onnx_the_missing_package_is_named_before_anything_is_written(
    missing, run, tmp_path, monkeypatch
):
    for name in ("onnx", "onnxruntime", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else sys)
    with pytest.raises(InputError, match=rf"'{missing}': pip install 'medabl\[onnx\]'"):
        write_bundle(run, tmp_path / "b", onnx=True)
    assert not (tmp_path / "b").exists()


def test_what_cannot_be_bundled_is_said(run, bundle, tmp_path):
    with pytest.raises(InputError, match="is there already"):
        write_bundle(run, bundle)
    with pytest.raises(InputError, match=r"run\.json"):
        write_bundle(tmp_path, tmp_path / "b")


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"_target_": "medabl.transforms.Mine", "keys": "image"}, "medabl's own"),
        ({"_target_": "GaussianSmoothd", "keys": ["flair", "t1"]}, "behind ConcatItemsd"),
    ],
)
def test_a_transform_without_a_counterpart_is_named(transform, message):
    recipe = {
        "modalities": ["flair", "t1"],
        "slice_axis": "axial",
        "preprocess": {"_target_": "Compose", "transforms": [transform]},
    }
    with pytest.raises(InputError, match=message):
        monai_preprocessing(recipe)
