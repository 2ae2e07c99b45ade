"""What a checkpoint may make medabl do: nothing but networks, transforms and inferers it knows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

from medabl.cli import app
from medabl.data import find_subjects
from medabl.engine import load_predictor, train
from medabl.errors import InputError
from medabl.runs import RunFolder, load_checkpoint
from tests.conftest import write_nifti
from tests.small_runs import small_config


@pytest.fixture(scope="module")
def runs(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    """Two runs that differ in their seed."""
    root = tmp_path_factory.mktemp("runs")
    more = {"epochs": 1, "crop_to_head": True, "normalize": True}
    return [train(small_config(cohort, root / str(s), seed=s, **more)) for s in (0, 1)]


@pytest.fixture
def checkpoint(runs: list[RunFolder]) -> dict[str, Any]:
    return load_checkpoint(runs[0].checkpoint("last"))


def test_a_checkpoint_is_plain_data(checkpoint: dict[str, Any]) -> None:
    """No expression is left in what prediction reads of it."""
    text = yaml.safe_dump(checkpoint["recipe"])
    assert "$" not in text
    assert "@" not in text.replace("@network", "")
    assert yaml.safe_load(text) == checkpoint["recipe"]


def call(target: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": target, **arguments}


def network(recipe: dict[str, Any], part: Any) -> None:
    recipe["network"] = part


def transform(recipe: dict[str, Any], part: Any) -> None:
    recipe["preprocess"]["transforms"].append(part)


def argument(recipe: dict[str, Any], part: Any) -> None:
    recipe["network"]["width"] = part


FOREIGN: list[tuple[Callable[[dict[str, Any], Any], None], Any]] = [
    (network, call("os.system", command="touch {mark}")),
    (network, call("builtins.exec", source="open('{mark}', 'w')")),
    (network, call("medabl_never_imported.Net")),
    (network, call("medabl.engine.run.os.system")),
    (network, call("torch.nn.modules.module.torch.load", f="{mark}")),
    (network, call("torch.nn.utils.skip_init")),
    (network, call("medabl.files.write_text", path="{mark}", text="")),
    (network, call("medabl.runs.RunFolder", path="{mark}")),
    (network, call("monai.bundle.ConfigParser")),
    (network, call("monai.apps.download_url", url="https://example.org", filepath="{mark}")),
    (transform, call("SaveImaged", keys="image", output_dir="{mark}")),
    (transform, call("monai.transforms.SaveImaged", keys="image", output_dir="{mark}")),
    (transform, call("monai.transforms.WriteFileMapping", mapping_file_path="{mark}")),
    (transform, call("Lambdad", keys="image", func="$print")),
    (argument, "$open('{mark}', 'w')"),
    (argument, "$__import__('os').system('touch {mark}')"),
    (argument, "%{mark}::x"),
    (argument, call("subprocess.run", args=["touch", "{mark}"])),
]  # fmt: skip


@pytest.mark.parametrize(("place", "part"), FOREIGN)
def test_anything_else_is_refused_and_not_even_imported(
    place: Callable[[dict[str, Any], Any], None],
    part: Any,
    checkpoint: dict[str, Any],
    tmp_path: Path,
) -> None:
    mark = tmp_path / "mark"
    place(checkpoint["recipe"], yaml.safe_load(yaml.safe_dump(part).replace("{mark}", str(mark))))
    path = tmp_path / "evil.pt"
    torch.save(checkpoint, path)
    modules = set(sys.modules)
    with pytest.raises(InputError, match=r"evil\.pt: .*which is no network, transform.*--trust"):
        load_predictor(path)
    assert not mark.exists()
    assert not {name for name in set(sys.modules) - modules if name.startswith("medabl_never")}


def test_trust_runs_it(checkpoint: dict[str, Any], tmp_path: Path) -> None:
    checkpoint["recipe"]["network"]["width"] = "$1 + 1"
    torch.save(checkpoint, tmp_path / "mine.pt")
    with pytest.raises(InputError, match="--trust"):
        load_predictor(tmp_path / "mine.pt")
    assert load_predictor(tmp_path / "mine.pt", trust=True).modalities == ("flair", "t1")


def test_a_network_of_ones_own_needs_trust(cohort: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("network: {_target_: tests.engine.own_network.Own}\n")
    run = train(small_config(cohort, tmp_path / "run", mine, epochs=1))
    with pytest.raises(InputError, match=r"'tests\.engine\.own_network\.Own', which is no network"):
        load_predictor(run.checkpoint("last"))
    load_predictor(run.checkpoint("last"), trust=True)


def predict(*arguments: Any, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return " ".join(result.output.split())


def test_several_checkpoints_are_averaged(
    runs: list[RunFolder], cohort: Path, tmp_path: Path
) -> None:
    """The probability is the mean of the two, the mask is where it passes one half."""
    paths = [run.checkpoint("last") for run in runs]
    (subject, *_) = find_subjects(cohort)
    images = [word for path in subject.images.values() for word in ("--image", path)]
    maps = []
    for number, chosen in enumerate((paths[:1], paths[1:], paths)):
        words = [word for path in chosen for word in ("--checkpoint", path)]
        out = tmp_path / f"{number}.nii.gz"
        said = predict(*words, *images, "--out", out, "--probability")
        probability = tmp_path / f"{number}_probability.nii.gz"
        assert f"Mask: {out} Probability: {probability}" in said
        maps.append(nib.load(probability).get_fdata())
    one, other, both = maps
    assert abs(one - other).max() > 1e-3
    np.testing.assert_allclose(both, (one + other) / 2, atol=1e-6)
    mask = np.asarray(nib.load(tmp_path / "2.nii.gz").dataobj)
    clear = abs(both - 0.5) > 1e-6
    np.testing.assert_array_equal(mask[clear] == 1, both[clear] > 0.5)


def test_a_folder_of_scans_gets_a_mask_each_in_a_folder(
    runs: list[RunFolder], cohort: Path, tmp_path: Path
) -> None:
    """The masks are those that the run itself wrote of its validation subjects."""
    run = runs[0]
    text = predict("--checkpoint", run.checkpoint("last"), "--data", cohort, "--out", tmp_path)
    assert "6 masks" in text
    for subject in find_subjects(cohort):
        mask = np.asarray(nib.load(tmp_path / f"{subject.id}.nii.gz").dataobj)
        assert mask.shape == nib.load(subject.images["flair"]).shape
        if run.prediction("last", subject.id).is_file():
            own = np.asarray(nib.load(run.prediction("last", subject.id)).dataobj)
            np.testing.assert_array_equal(mask, own)
    assert len(list(tmp_path.rglob("*.nii.gz"))) == 6


def test_scans_without_masks_are_predicted_too(runs: list[RunFolder], tmp_path: Path) -> None:
    for modality in ("FLAIR", "T1"):
        data = np.random.default_rng(0).random((12, 12, 3), np.float32)
        write_nifti(tmp_path / "data" / "new" / "pre" / f"{modality}.nii.gz", data)
    checkpoint = runs[0].checkpoint("best")
    predict("--checkpoint", checkpoint, "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert (tmp_path / "out" / "new.nii.gz").is_file()


def test_checkpoints_that_do_not_fit_together_are_refused(
    runs: list[RunFolder], cohort: Path, tmp_path: Path
) -> None:
    flair = train(small_config(cohort, tmp_path / "flair", modalities=["flair"], epochs=1))
    size = train(small_config(cohort, tmp_path / "size", image_size=[48, 32], epochs=1))
    for other, part in ((flair, "modalities"), (size, "preprocess")):
        with pytest.raises(InputError, match=f"cannot be averaged: their {part} differ"):
            load_predictor([runs[0].checkpoint("last"), other.checkpoint("last")])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--out", "m.nii.gz"], "Give either --image, once for each modality, or --data"),
        (["--out", "m", "--data", "d", "--image", "i"], "Give either --image"),
        (["--out", "m.png", "--image", "i"], "must end in .nii.gz or .nii"),
        (["--out", "m.nii.gz", "--image", "i", "--device", "magic"], "device must be"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], expected: str, runs: list[RunFolder], tmp_path: Path
) -> None:
    placed = [str(tmp_path / w) if w[0] != "-" and w != "magic" else w for w in arguments]
    assert expected in predict("--checkpoint", runs[0].checkpoint("last"), *placed, code=2)
    assert list(tmp_path.iterdir()) == []
