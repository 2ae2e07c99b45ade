import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from medabl.losses import ActiveBoundaryLoss, BoundaryLoss, GeneralizedDiceLoss, LovaszSoftmaxLoss
from medabl.nnunet.losses import CrossEntropyAndIoU, TargetKind, relative_spacing


def labels_of(*size, classes=3):
    coarse = torch.randint(classes, (2, 1, *[n // 4 for n in size]))
    for axis in range(len(size)):
        coarse = coarse.repeat_interleave(4, axis + 2)
    return coarse.to(torch.int16)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("size", [(16, 16), (8, 16, 16)])
@pytest.mark.parametrize("kind", [ActiveBoundaryLoss, BoundaryLoss, GeneralizedDiceLoss])
def test_labels_to_ignore_count_for_nothing(kind, size):
    """Whatever the network says there, and wherever else the label would have been."""
    labels = labels_of(*size)
    ignored = torch.zeros_like(labels, dtype=torch.bool)
    ignored[..., :4] = True
    target = labels.masked_fill(ignored, 3)
    loss = TargetKind(ignore_label=3).loss(kind)
    logits = torch.randn(2, 3, *size)
    other = torch.where(ignored, torch.randn_like(logits), logits)
    if kind is not ActiveBoundaryLoss:  # whose threshold is a share of all voxels
        assert loss(logits, target) == loss(other, target)
    logits.requires_grad_()
    loss(logits, target).backward()
    assert (logits.grad[ignored.expand_as(logits)] == 0).all()
    assert (logits.grad != 0).any()


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("kind", [ActiveBoundaryLoss, BoundaryLoss, GeneralizedDiceLoss])
def test_regions_have_losses_of_their_own(kind, ignore):
    regions = torch.cat([labels_of(16, 16, classes=2) for _ in range(3)], 1)
    logits = torch.randn(2, 3, 16, 16)
    rim = torch.zeros(2, 1, 16, 16, dtype=torch.int16)
    rim[:, :, :3] = 1
    target = torch.cat([regions, rim], 1) if ignore else regions
    value = TargetKind(regions=True, ignore_label=4 if ignore else None).loss(kind)(logits, target)
    single = kind(sigmoid=True, ignore_index=7 if ignore else None)
    each = [
        single(logits[b : b + 1, r : r + 1], regions[b : b + 1, r : r + 1].masked_fill(
            rim[b : b + 1].bool() & ignore, 7))
        for b in range(2)
        for r in range(3)
    ]  # fmt: skip
    torch.testing.assert_close(value, torch.stack(each).mean())


def test_regions_may_come_as_booleans():
    regions = torch.cat([labels_of(16, 16, classes=2) for _ in range(2)], 1)
    logits = torch.randn(2, 2, 16, 16)
    loss = TargetKind(regions=True).loss(BoundaryLoss)
    assert loss(logits, regions.bool()) == loss(logits, regions)


def test_ce_and_iou_are_their_sum():
    labels, logits = labels_of(16, 16), torch.randn(2, 3, 16, 16)
    labels[..., :4] = 3
    value = CrossEntropyAndIoU(TargetKind(ignore_label=3))(logits, labels)
    kept = logits[..., 4:], labels[..., 4:]
    iou = LovaszSoftmaxLoss(softmax=True, to_onehot_y=True)(*kept)
    cross_entropy = F.cross_entropy(kept[0], kept[1][:, 0].long())
    torch.testing.assert_close(value, cross_entropy + iou)


def test_ce_and_iou_of_regions_leave_out_what_is_ignored():
    regions = torch.cat([labels_of(16, 16, classes=2) for _ in range(2)], 1)
    rim = torch.zeros(2, 1, 16, 16, dtype=torch.int16)
    rim[..., :4] = 1
    logits = torch.randn(2, 2, 16, 16)
    value = CrossEntropyAndIoU(TargetKind(True, 3))(logits, torch.cat([regions, rim], 1))
    kept, truth = logits[..., 4:], regions[..., 4:]
    cross_entropy = F.binary_cross_entropy_with_logits(kept, truth.float())
    iou = LovaszSoftmaxLoss(sigmoid=True, per_image=True)
    each = [
        iou(kept[b : b + 1, r : r + 1], truth[b : b + 1, r : r + 1])
        for b in range(2)
        for r in range(2)
    ]
    torch.testing.assert_close(value, cross_entropy + torch.stack(each).mean())


def test_with_everything_ignored_the_loss_is_zero_and_not_nan():
    logits = torch.randn(1, 2, 8, 8, requires_grad=True)
    value = CrossEntropyAndIoU(TargetKind(ignore_label=2))(logits, torch.full((1, 1, 8, 8), 2))
    value.backward()
    assert value == 0
    assert (logits.grad == 0).all()


def test_spacing_is_in_units_of_the_finest_axis_of_the_patch():
    assert relative_spacing([3.0, 0.5, 0.75], 3) == (6.0, 1.0, 1.5)
    assert relative_spacing([999.0, 0.5, 0.5], 2) == (1.0, 1.0)


def test_the_module_prints_the_folder_that_nnunet_searches():
    command = [sys.executable, "-m", "medabl.nnunet"]
    folder = Path(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    )
    assert {path.name for path in folder.glob("*.py")} == {"__init__.py", "medabl_trainers.py"}
