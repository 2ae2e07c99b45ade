import itertools

import pytest
import torch
from monai.data import MetaTensor
from monai.losses import DeepSupervisionLoss, DiceCELoss
from torch import nn

from medabl.geometry import boundary_distance
from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    DeepSupervisedLoss,
    GeneralizedDiceLoss,
)

FLAGS = {"softmax": True, "to_onehot_y": True}


def outputs_of(*shapes, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = [(2, classes, *size) for size in shapes]
    return [torch.randn(s, generator=generator).requires_grad_() for s in shape]


def labels_of(*size, classes=3, seed=1):
    generator = torch.Generator().manual_seed(seed)
    blocks = [-(-n // 4) for n in size]
    coarse = torch.randint(classes, (2, 1, *blocks), generator=generator)
    for axis in range(len(size)):
        coarse = coarse.repeat_interleave(4, axis + 2)
    return coarse[(slice(None), slice(None), *(slice(n) for n in size))]


def nearest_by_loops(labels, size):
    """The label at the centre of every larger voxel."""
    result = torch.zeros(*labels.shape[:2], *size, dtype=labels.dtype)
    for voxel in itertools.product(*map(range, size)):
        source = [
            int((v + 0.5) * n / m) for v, n, m in zip(voxel, labels.shape[2:], size, strict=True)
        ]
        result[(slice(None), slice(None), *voxel)] = labels[(slice(None), slice(None), *source)]
    return result


@pytest.mark.parametrize(
    ("sizes", "spacing", "spacings"),
    [
        ([(24, 20), (12, 10), (6, 5)], None, [None, (2, 2), (4, 4)]),
        ([(24, 20), (12, 20), (6, 10)], (0.5, 3), [(0.5, 3), (1, 3), (2, 6)]),
        ([(8, 16, 12), (8, 8, 6)], 2.0, [2.0, (2, 4, 4)]),
        ([(25, 18), (10, 9)], 1.0, [1.0, (2.5, 2)]),
    ],
)
@pytest.mark.parametrize("kind", [ActiveBoundaryLoss, BoundaryLoss])
def test_every_output_has_its_loss_at_its_resolution_in_the_same_units(
    kind, sizes, spacing, spacings
):
    outputs, labels = outputs_of(*sizes), labels_of(*sizes[0])
    weights = [1.0, 0.7, 0.1][: len(sizes)]
    loss = DeepSupervisedLoss(kind(**FLAGS, spacing=spacing), weights)
    expected = sum(
        weight * kind(**FLAGS, spacing=mm)(output, nearest_by_loops(labels, size))
        for weight, mm, output, size in zip(weights, spacings, outputs, sizes, strict=True)
    )
    value = loss(outputs, labels)
    torch.testing.assert_close(value, expected)
    ours = torch.autograd.grad(value, outputs)
    torch.testing.assert_close(ours, torch.autograd.grad(expected, outputs))
    assert value > 0


def test_weights_are_those_of_nnunet():
    """nnU-Net 2: 1/2^k, the coarsest 0, scaled to a sum of 1."""

    class Count(nn.Module):
        def forward(self, input, target):
            return input.sum()

    ones = [torch.ones(1, 1, size, size) / size**2 for size in (16, 8, 4, 2)]
    each = [
        DeepSupervisedLoss(Count())([o * (k == i) for k, o in enumerate(ones)], ones[0])
        for i in range(4)
    ]
    assert [round(float(v), 6) for v in each] == [0.571429, 0.285714, 0.142857, 0.0]
    assert DeepSupervisedLoss(Count())([ones[0]], ones[0]) == 1


def test_a_region_loss_gives_what_monais_wrapper_gives():
    outputs, labels = outputs_of((16, 16, 8), (8, 8, 4)), labels_of(16, 16, 8).float()
    region = DiceCELoss(**FLAGS)
    theirs = DeepSupervisionLoss(region, weights=[0.8, 0.2])(outputs, labels)
    torch.testing.assert_close(DeepSupervisedLoss(region, [0.8, 0.2])(outputs, labels), theirs)


def test_stacked_outputs_are_a_list_of_outputs():
    outputs, labels = outputs_of((16, 16), (16, 16)), labels_of(16, 16)
    loss = DeepSupervisedLoss(ActiveBoundaryLoss(**FLAGS), [1, 0.5])
    stacked = torch.stack(outputs, 1)
    assert loss(stacked, labels) == loss(outputs, labels)
    assert loss(MetaTensor(stacked), MetaTensor(labels)) == loss(outputs, labels)


def test_one_output_alone_is_the_loss_itself():
    (output,), labels = outputs_of((16, 16)), labels_of(16, 16)
    inner = ActiveBoundaryLoss(**FLAGS)
    assert DeepSupervisedLoss(inner)(output, labels) == inner(output, labels)


def test_targets_may_come_as_a_list():
    sizes = [(16, 16), (8, 8)]
    outputs, labels = outputs_of(*sizes), labels_of(16, 16)
    loss = DeepSupervisedLoss(BoundaryLoss(**FLAGS), [1, 1])
    targets = [nearest_by_loops(labels, size) for size in sizes]
    assert loss(outputs, targets) == loss(outputs, labels)


def test_a_distance_map_is_used_where_the_size_is_its_own_and_computed_elsewhere():
    outputs, labels = outputs_of((16, 16), (16, 16), (8, 8)), labels_of(16, 16)
    loss = DeepSupervisedLoss(ActiveBoundaryLoss(**FLAGS), [1, 1, 1])
    assert loss(outputs, labels, distance_map=boundary_distance(labels)) == loss(outputs, labels)
    # A map of zeros leaves no voxel off the boundary: only the coarse output is left.
    rest = loss(outputs, labels, distance_map=torch.zeros(2, 1, 16, 16))
    coarse = DeepSupervisedLoss(ActiveBoundaryLoss(**FLAGS), [0, 0, 1])
    assert rest == coarse(outputs, labels) > 0


@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_the_boundary_may_count_on_the_finest_output_only(alpha):
    sizes = [(16, 16), (8, 8)]
    outputs, labels = outputs_of(*sizes), labels_of(16, 16)
    region, boundary = GeneralizedDiceLoss(**FLAGS), ActiveBoundaryLoss(**FLAGS)
    inner = AlphaScheduledLoss(region, boundary, alpha_start=alpha, alpha_end=alpha)
    value = DeepSupervisedLoss(inner, [1, 0.5], boundary="finest")(outputs, labels)
    coarse = nearest_by_loops(labels, (8, 8))
    expected = inner(outputs[0], labels) + 0.5 * alpha * region(outputs[1], coarse)
    torch.testing.assert_close(value, expected)


def test_alpha_set_later_counts_on_every_output():
    outputs, labels = outputs_of((16, 16), (8, 8)), labels_of(16, 16)
    region, boundary = GeneralizedDiceLoss(**FLAGS), ActiveBoundaryLoss(**FLAGS)
    inner = AlphaScheduledLoss(region, boundary, alpha_end=0.0, epochs=2)
    loss = DeepSupervisedLoss(inner, [1, 1])
    assert loss(outputs, labels) == DeepSupervisedLoss(region, [1, 1])(outputs, labels)
    inner.set_epoch(1)
    assert loss(outputs, labels) == DeepSupervisedLoss(boundary, [1, 1])(outputs, labels)


def test_the_loss_given_stays_as_it_is():
    inner = BoundaryLoss(**FLAGS, spacing=(1, 2))
    DeepSupervisedLoss(inner, [1, 1])(outputs_of((16, 16), (8, 8)), labels_of(16, 16))
    assert inner.spacing == (1, 2)


def test_a_half_precision_output_without_a_boundary_loss_adds_zero_and_not_nan():
    outputs = [torch.full((1, 2, n, n), 1e4, dtype=torch.float16) for n in (64, 32)]
    loss = DeepSupervisedLoss(ActiveBoundaryLoss(**FLAGS), [1, 1], boundary="finest")
    assert loss(outputs, torch.zeros(1, 1, 64, 64)) == 0


def test_what_does_not_go_together_is_said():
    loss = DeepSupervisedLoss(ActiveBoundaryLoss(**FLAGS), [1, 1])
    fine, coarse = outputs_of((16, 16), (8, 8))
    labels = labels_of(16, 16)
    with pytest.raises(ValueError, match="3 outputs, but there are 2 weights"):
        loss([fine, coarse, coarse], labels)
    with pytest.raises(ValueError, match="finest output first"):
        loss([coarse, fine], labels)
    with pytest.raises(ValueError, match="target has 1 entries for the 2"):
        loss([fine, coarse], [labels])
    with pytest.raises(ValueError, match="at least one output"):
        loss([], labels)
    for weights in ([], [0, 0], [1, -1]):
        with pytest.raises(ValueError, match="weights must be"):
            DeepSupervisedLoss(nn.Identity(), weights)
    with pytest.raises(ValueError, match="all, finest"):
        DeepSupervisedLoss(nn.Identity(), boundary="none")
