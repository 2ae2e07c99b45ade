"""The trainers in the real nnU-Net, where it is installed; scripts/test_nnunet.sh trains them."""

import os
from pathlib import Path

import pytest
import torch

from medabl.losses import ActiveBoundaryLoss, BoundaryLoss, FullKLLoss, GeneralizedDiceLoss
from medabl.nnunet import TRAINERS

pytest.importorskip("nnunetv2", reason="medabl[nnunet] is not installed")

EXAMPLE = Path(__file__).parents[2] / "examples" / "nnunet"
LABELS = {"background": 0, "lesion": 1, "other": 2}
REGIONS = {"background": 0, "whole": [1, 2], "core": 2}
KINDS = {
    "labels": (LABELS, {}),
    "ignore": ({**LABELS, "ignore": 3}, {}),
    "regions": (REGIONS, {"regions_class_order": [1, 2]}),
    "regions, ignore": ({**REGIONS, "ignore": 3}, {"regions_class_order": [1, 2]}),
}
SIZES = {"2d": [32, 32], "3d_fullres": [8, 32, 32]}
SPACINGS = {"2d": [1.0, 1.0], "3d_fullres": [3.0, 1.0, 1.0]}
NAMES = ["nnUNetTrainerABL", "nnUNetTrainerGDLABL", "nnUNetTrainerBL", "nnUNetTrainerIABL"]


def plan(configuration):
    dims = len(SIZES[configuration])
    strides = [[1] * dims, [1] * (dims - 2) + [2, 2], [2] * dims]
    return {
        "data_identifier": "tiny",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": SIZES[configuration],
        "spacing": SPACINGS[configuration],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "batch_dice": False,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": 3,
                "features_per_stage": [4, 8, 8],
                "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
                "kernel_sizes": [[3] * dims] * 3,
                "strides": strides,
                "n_conv_per_stage": [1, 1, 1],
                "n_conv_per_stage_decoder": [1, 1],
                "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A trainer of that name, found as nnU-Net finds it."""
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    folder = tmp_path / "preprocessed" / "Dataset001_Tiny" / "tiny"
    folder.mkdir(parents=True)
    (folder / "case.npz").touch()  # by which nnU-Net knows how its data are stored
    monkeypatch.setenv("nnUNet_extTrainer", str(TRAINERS))
    torch.manual_seed(0)

    def make(name, configuration="2d", kind="labels"):
        labels, more = KINDS[kind]
        plans = {
            "dataset_name": "Dataset001_Tiny",
            "plans_name": "tiny",
            "transpose_forward": [0, 1, 2],
            "transpose_backward": [0, 1, 2],
            "label_manager": "LabelManager",
            "configurations": {configuration: plan(configuration)},
            "continue_training": False,
        }
        description = {
            "channel_names": {"0": "FLAIR"},
            "labels": labels,
            "numTraining": 5,
            "file_ending": ".nii.gz",
            **more,
        }
        found = recursive_find_trainer_class_by_name(name)
        trainer = found(plans, configuration, 0, description, torch.device("cpu"))
        trainer.initialize()
        return trainer

    return make


def batch_of(trainer):
    """Logits at both resolutions and targets as nnU-Net's transforms make them."""
    size = trainer.configuration_manager.patch_size
    coarse = [size, [*size[:-2], *[n // 2 for n in size[-2:]]]]
    heads = trainer.label_manager.num_segmentation_heads
    logits = [torch.randn(2, heads, *n, requires_grad=True) for n in coarse]
    targets = []
    for n in coarse:
        target = torch.zeros(2, 1, *n, dtype=torch.int16)
        target[..., n[-2] // 4 : n[-2] // 2, n[-1] // 4 : -4] = 1
        target[..., n[-2] // 3 : n[-2] // 2, n[-1] // 3 : -4] = 2
        if trainer.label_manager.has_ignore_label:
            target[..., :3] = 3
        if trainer.label_manager.has_regions:
            rim = [target == 3] if trainer.label_manager.has_ignore_label else []
            inside = target.where(target != 3, 0)
            target = torch.cat([inside > 0, inside == 2, *rim], 1)
        targets.append(target)
    return logits, targets


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("configuration", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_every_trainer_takes_a_step_on_every_kind_of_target(make, name, configuration, kind):
    trainer = make(name, configuration, kind)
    logits, targets = batch_of(trainer)
    trainer.loss.loss.set_epoch(trainer.num_epochs - 1)
    value = trainer.loss(logits, targets)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits[0].grad).all()
    assert (logits[0].grad != 0).any()
    if trainer.label_manager.has_ignore_label:
        rim = logits[0].grad[..., :3]
        assert (rim == 0).all()
    data = torch.randn(2, 1, *trainer.configuration_manager.patch_size)
    step = trainer.train_step({"data": data, "target": targets})
    assert step["loss"] == step["loss"]


@pytest.mark.parametrize(
    ("name", "epoch", "region_weight", "boundary_weight"),
    [
        ("nnUNetTrainerABL", 0, 1, 0),
        ("nnUNetTrainerABL", 999, 1, 0.3),
        ("nnUNetTrainerGDLABL", 999, 0.7, 0.3),
        ("nnUNetTrainerBL", 999, 1, 0.99),
        ("nnUNetTrainerIABL", 0, 1, 1),
    ],
)
def test_the_losses_and_weights_are_those_documented(
    make, name, epoch, region_weight, boundary_weight
):
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    trainer = make(name)
    (fine, _), (target, _) = batch_of(trainer)
    flags = {"softmax": True, "to_onehot_y": True}
    if name == "nnUNetTrainerGDLABL":
        region = GeneralizedDiceLoss(**flags)(fine, target)
    elif name == "nnUNetTrainerIABL":
        region = trainer.loss.loss.region_loss(fine, target)  # tested in test_losses.py
    else:
        region = nnUNetTrainer._build_loss(trainer).loss(fine, target)
    kind = BoundaryLoss if name == "nnUNetTrainerBL" else ActiveBoundaryLoss
    boundary = kind(**flags, spacing=1.0)(fine, target)
    trainer.loss.loss.set_epoch(epoch)
    value = trainer.loss.loss(fine, target)
    torch.testing.assert_close(value, region_weight * region + boundary_weight * boundary)


def test_deep_supervision_has_nnunets_weights(make):
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    trainer = make("nnUNetTrainerABL", "3d_fullres")
    logits, targets = batch_of(trainer)
    own = nnUNetTrainer._build_loss(trainer)
    torch.testing.assert_close(trainer.loss(logits, targets), own(logits, targets))  # alpha is 1


def test_distances_know_the_thickness_of_slices(make):
    trainer = make("nnUNetTrainerABL", "3d_fullres")
    assert trainer.loss.loss.boundary_loss.spacing == (3.0, 1.0, 1.0)


def test_alpha_follows_the_epoch_also_after_a_resume(make):
    trainer = make("nnUNetTrainerABL")
    trainer.current_epoch = 999  # as nnU-Net's load_checkpoint sets it for --c
    trainer.on_train_epoch_start()
    assert trainer.loss.loss.alpha == pytest.approx(0.7)


def test_without_deep_supervision_the_loss_takes_one_output(make, monkeypatch):
    trainer = make("nnUNetTrainerABL")
    trainer.enable_deep_supervision = False
    (fine, _), (target, _) = batch_of(trainer)
    assert torch.isfinite(trainer._build_loss()(fine, target))


def test_a_trainer_of_ones_own_needs_a_class_and_a_folder(make, monkeypatch):
    folders = os.pathsep.join(map(str, (TRAINERS, EXAMPLE)))
    monkeypatch.setenv("nnUNet_extTrainer", folders)
    longer = make("nnUNetTrainerABL_250epochs")
    assert longer.num_epochs == longer.loss.loss.epochs == 250
    other = make("nnUNetTrainerFKL")
    (fine, _), (target, _) = batch_of(other)
    expected = FullKLLoss(softmax=True, to_onehot_y=True)(fine, target)
    torch.testing.assert_close(other.loss.loss.boundary_loss(fine, target), expected)
