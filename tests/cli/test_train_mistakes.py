"""A mistake in `medabl train`: one sentence, exit 2, nothing written, and corrected it works."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from medabl.cli import app
from medabl.files import read_json
from medabl.runs import locked
from tests.conftest import write_subject

TINY = ("image_size=32,32", "width=2", "epochs=1", "validation=1", "device=cpu")


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scans."""
    root = tmp_path_factory.mktemp("scans")
    for seed in range(3):
        write_subject(root / f"s{seed}", seed)
    return root


def train(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["train", "wmh.yaml", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    assert "Traceback" not in result.output
    return re.sub(r"\s+", " ", result.output)


UNET = (
    "network: {_target_: UNet, spatial_dims: 2, in_channels: 2, out_channels: 2,"
    " channels: [4, 8, 16], strides: [2, 2]}\n"
)
WIDE = UNET.replace("out_channels: 2", "out_channels: 3")
FILES = {
    "misspelt.yaml": "epoch: 5\n",
    "unet.yaml": UNET,
    "wide.yaml": WIDE,
    "reference.yaml": "augmentation: '$@turns + @distance_map'\n",
    "transform.yaml": "augmentation: [{_target_: RandFlipd, keys: image, probability: 1}]\n",
    "value.yaml": "augmentation: [{_target_: RandZoomd, keys: image, min_zoom: [1, 2, 3, 4]}]\n",
    "loss.yaml": "region_loss: {_target_: medabl.losses.GeneralizedDiceLoss, sigmoid: true,"
    " softmax: true}\n",
    "empty.yaml": "",
    "list.yaml": "[1, 2]\n",
    "broken.yaml": "a: [1\n",
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["misspelt.yaml"], "no key 'epoch'; did you mean epochs"),
        (["network.widht=8"], "network::widht is no argument of medabl.networks.KervadecUNet"),
        (["method=gdl_alb"], "method=gdl_alb is not known; did you mean gdl_abl"),
        (["alpha_end=2"], "alpha_end=2: must be at most 1"),
        (["strategy=foo"], "strategy=foo: must be 'rebalance', 'increase', 'released' or"),
        (["epochs=ten"], "epochs=ten: must be a whole number"),
        (["epochs=0"], "epochs=0: must be at least 1"),
        (["reference.yaml"], "Something refers to @turns, which is no key"),
        (["transform.yaml"], "augmentation::0::probability is no argument of RandFlipd"),
        (["loss.yaml"], "softmax"),
        (["list.yaml"], "list.yaml must hold keys with values"),
        (["empty.yaml"], "empty.yaml must hold keys with values"),
        (["broken.yaml"], "broken.yaml cannot be read"),
        (["image_size=30,30"], "height and width must be multiples of 8; got (30, 30)"),
        (["unet.yaml", "image_size=33,31"], "Sizes of tensors must match"),
        (["wide.yaml"], "a channel for each of background, lesion"),
        (["device=mps"], "device mps was asked for"),
        (["device=cuda:99"], "cuda:99"),
        (["precision=float16"], "precision=float16 needs CUDA"),
        (["task.key_metric=val_x"], "task::key_metric=val_x is none of val_metrics"),
        (["validation=3"], "3 validation subjects"),
        (["test=[nobody]"], "test names 'nobody', which is none of the 3 subjects"),
        (["data={tmp}/nowhere"], "nowhere is not a folder"),
        (["modalities=flair,t2"], "has no T2.nii.gz"),
        (["group_by=("], "group_by=( is not auto, none, a number"),
        (["split={tmp}/no.json"], "no.json"),
        (["run_dir=null"], "run_dir is not set"),
        (["method=iabl", "losses.abl.share_ties='no'"], "share_ties must be True or False, got"),
        (["method=iabl", "losses.abl.max_distance=far"], "max_distance must be positive, got"),
        (["method=cat_tversky", "losses.cat.beta=no"], "beta must be a number, got False"),
        (["losses.abl.reach=-1", "losses.abl.boundary_factor=0", "epochs=0"],
         "losses::abl: boundary_factor must be positive, got 0; reach must be positive, got -1."),
    ],
)  # fmt: skip
def test_it_is_said_and_nothing_is_written(
    arguments: list[str], expected: str, scans: Path, tmp_path: Path
) -> None:
    if "mps" in str(arguments) and torch.backends.mps.is_available():
        pytest.skip("there is one here")
    for name in {word for word in arguments if word in FILES}:
        (tmp_path / name).write_text(FILES[name])
    words = [str(tmp_path / w) if w in FILES else w.format(tmp=tmp_path) for w in arguments]
    before = sorted(tmp_path.iterdir())
    places = [f"data={scans}", f"run_dir={tmp_path / 'run'}"]
    files = [word for word in words if word.endswith(".yaml")]
    overrides = [word for word in words if word not in files]
    text = train(*files, *places, *TINY, *overrides, code=2)
    assert text.startswith("Error: ")
    assert expected in text
    assert sorted(tmp_path.iterdir()) == before


def test_the_corrected_command_works(scans: Path, tmp_path: Path) -> None:
    places = [f"data={scans}", f"run_dir={tmp_path / 'run'}"]
    train(*places, *TINY, "image_size=30,30", code=2)
    train(*places, *TINY)
    assert read_json(tmp_path / "run" / "run.json")["status"] == "done"


def test_odd_names_of_folders_work(scans: Path, tmp_path: Path) -> None:
    data = tmp_path / "data #1 [final]"
    data.symlink_to(scans, target_is_directory=True)
    text = train(f"data={data}", f"run_dir={tmp_path / 'exp#1 @x [b]' / '$r'}", *TINY)
    assert "exp#1 @x [b]/$r" in text
    assert read_json(tmp_path / "exp#1 @x [b]" / "$r" / "run.json")["name"] == "$r"
    assert (tmp_path / "exp#1 @x [b]" / "$r" / "evaluation" / "best.csv").is_file()


def test_a_folder_in_use_is_said_with_its_process(scans: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        text = train(f"data={scans}", f"run_dir={tmp_path / 'run'}", *TINY, code=2)
    assert f"run is in use by process {os.getpid()} on {platform.node()}" in text


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_folder_that_cannot_be_written_to_is_said_before_the_work(scans: Path) -> None:
    text = train(f"data={scans}", "run_dir=/proc/run", *TINY, code=2)
    assert "/proc/run cannot be written to" in text


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_said_before_the_work(scans: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    text = train(f"data={scans}", f"run_dir={tmp_path / 'run'}", *TINY, code=2)
    assert "Permission denied" in text


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [f"data={scans}", f"run_dir={tmp_path / 'run'}"]
    real, writes = os.fsync, iter(range(10**6))

    def fsync(descriptor: int) -> None:
        if next(writes) > 40:
            raise OSError(28, os.strerror(28))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        text = train(*places, *TINY, "epochs=3", code=2)
    assert "No space left on the device while writing" in text
    train(*places, *TINY, "epochs=3")
    assert read_json(tmp_path / "run" / "run.json")["status"] == "done"


@pytest.mark.skipif(os.name != "posix", reason="sockets with names of their own")
def test_a_temporary_folder_with_a_long_name_is_explained(scans: Path, tmp_path: Path) -> None:
    """And without workers it does no harm; without a warning of anything left open."""
    temporary = tmp_path / ("x" * 100)
    temporary.mkdir()
    command = [sys.executable, "-W", "error::ResourceWarning", "-m", "medabl", "train", "wmh.yaml"]
    command += [*TINY, f"data={scans}", f"run_dir={tmp_path / 'run'}"]

    def run(workers: int) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TMPDIR": str(temporary)}
        return subprocess.run(
            [*command, f"num_workers={workers}"],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )

    refused = run(2)
    assert refused.returncode == 2
    assert "a temporary folder with a shorter name than" in refused.stderr
    assert not (tmp_path / "run").exists()
    done = run(0)
    assert done.returncode == 0, done.stderr
    assert "ResourceWarning" not in done.stderr
