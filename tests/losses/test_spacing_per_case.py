"""spacing="meta": every image of a batch at the voxel size that its own affine tells."""

import numpy as np
import pytest
import torch
from monai.data import DataLoader, MetaTensor, list_data_collate
from monai.transforms import Compose, Spacingd

from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    CCDiceCELoss,
    DeepSupervisedLoss,
    GeneralizedDiceLoss,
    RegionWiseLoss,
)
from medabl.transforms import (
    BoundaryDistanceMapd,
    LesionCellMapd,
    RegionWiseMapd,
    SignedDistanceMapd,
)

FLAGS = {"softmax": True, "to_onehot_y": True}
SIZES = [(1.0, 1.0, 3.0), (0.5, 0.5, 4.0), (1.0, 1.0, 3.0)]
KINDS = [ActiveBoundaryLoss, BoundaryLoss, CCDiceCELoss, RegionWiseLoss]
MAPS = {
    BoundaryDistanceMapd: "boundary_distance",
    SignedDistanceMapd: "signed_distance",
    LesionCellMapd: "cell_map",
    RegionWiseMapd: "region_map",
}


def affine_of(spacing):
    """Turned by 90 degrees and moved, so that the sizes do not stand on the diagonal."""
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, -1]])
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = (-20, 30, 5)
    return torch.from_numpy(affine)


def cases():
    """Three labels that a loader makes, as a batch, and logits for them."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for number, spacing in enumerate(SIZES):
        label = torch.zeros(1, 12, 10, 6)
        label[:, 2 + number : 9, 2:7, 1:4] = 1
        label[:, 10, 8, 5] = 1
        samples.append({"label": MetaTensor(label, affine=affine_of(spacing))})
    batch = next(iter(DataLoader(samples, batch_size=3)))["label"]
    logits = torch.randn(3, 2, 12, 10, 6, generator=generator)
    return logits.double().requires_grad_(), batch, samples


def one_by_one(kind, logits, batch, **options):
    plain = batch.as_tensor()
    values = [
        kind(**FLAGS, **options, spacing=spacing)(logits[i : i + 1], plain[i : i + 1])
        for i, spacing in enumerate(SIZES)
    ]
    return torch.stack(values).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_different_voxels_is_each_image_at_its_own(kind):
    logits, batch, _ = cases()
    value = kind(**FLAGS, spacing="meta")(logits, batch)
    expected = one_by_one(kind, logits, batch)
    torch.testing.assert_close(value, expected)
    assert value != kind(**FLAGS, spacing=SIZES[0])(logits, batch.as_tensor())
    (ours,) = torch.autograd.grad(value, logits)
    torch.testing.assert_close(ours, torch.autograd.grad(expected, logits)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_ignored_voxels_stay_ignored_case_by_case(kind):
    logits, batch, _ = cases()
    batch[:, :, :2] = 255
    value = kind(**FLAGS, spacing="meta", ignore_index=255)(logits, batch)
    torch.testing.assert_close(value, one_by_one(kind, logits, batch, ignore_index=255))


@pytest.mark.parametrize("spacing", [(2.0, 1.0, 0.5), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("kind", KINDS)
def test_one_affine_for_all_is_one_spacing_for_all(kind, spacing):
    logits, batch, _ = cases()
    plain = batch.as_tensor()
    value = kind(**FLAGS, spacing="meta")(logits, MetaTensor(plain, affine=affine_of(spacing)))
    assert value == kind(**FLAGS, spacing=spacing)(logits, plain)


def test_regions_have_the_voxels_of_their_image():
    logits, batch, _ = cases()
    regions = torch.cat([batch, 1 - batch], 1)
    plain = regions.as_tensor()
    for kind in (ActiveBoundaryLoss, BoundaryLoss):
        value = kind(sigmoid=True, spacing="meta")(logits, regions)
        each = [
            kind(sigmoid=True, spacing=mm)(logits[i : i + 1], plain[i : i + 1])
            for i, mm in enumerate(SIZES)
        ]
        torch.testing.assert_close(value, torch.stack(each).mean())


def test_a_given_map_needs_no_affine():
    logits, batch, _ = cases()
    plain = batch.as_tensor()
    distance = torch.rand_like(plain)
    loss = ActiveBoundaryLoss(**FLAGS, spacing="meta")
    assert loss(logits, plain, distance_map=distance).isfinite()


def test_deep_supervision_keeps_the_unit_case_by_case():
    logits, batch, _ = cases()
    outputs = [logits, torch.randn(3, 2, 6, 5, 6, dtype=torch.double)]
    flags = {**FLAGS, "reduction": "none"}

    def both(spacing):
        boundary = ActiveBoundaryLoss(**flags, spacing=spacing)
        return DeepSupervisedLoss(
            AlphaScheduledLoss(GeneralizedDiceLoss(**flags), boundary, alpha_start=0.5), [1, 1]
        )

    values = both("meta")(outputs, batch)
    for i, mm in enumerate(SIZES):
        alone = both(mm)([o[i : i + 1] for o in outputs], batch.as_tensor()[i : i + 1])
        torch.testing.assert_close(values[i], alone[0])


@pytest.mark.parametrize("transform", MAPS)
def test_a_transform_takes_the_size_from_the_label(transform):
    for sample, spacing in zip(cases()[2], SIZES, strict=True):
        own = transform(spacing="meta")(sample)[MAPS[transform]]
        given = transform(spacing=spacing)(sample)[MAPS[transform]]
        assert torch.equal(own.as_tensor(), given.as_tensor())


def test_maps_follow_a_resampling_before_them():
    chain = Compose(
        [
            Spacingd("label", pixdim=(2.0, 2.0, 2.0), mode="nearest"),
            BoundaryDistanceMapd("label", spacing="meta", output_keys="distance_map"),
        ]
    )
    samples = [chain(sample) for sample in cases()[2]]
    for sample in samples:
        expected = BoundaryDistanceMapd("label", spacing=2.0)(sample)["boundary_distance"]
        torch.testing.assert_close(sample["distance_map"].as_tensor(), expected.as_tensor())
    assert list_data_collate(samples[::2])["distance_map"].shape[0] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_affine_there_is_one_sentence(kind):
    logits, batch, _ = cases()
    with pytest.raises(
        ValueError, match=r'spacing="meta" takes .* affine of target, but a Tensor has none: pass a'
    ):
        kind(**FLAGS, spacing="meta")(logits, batch.as_tensor())
    with pytest.raises(ValueError, match="numbers in mm, or \"meta\", got 'mm'"):
        kind(**FLAGS, spacing="mm")


def test_a_transform_names_the_key_that_has_no_affine():
    with pytest.raises(ValueError, match="the affine of 'label', but a Tensor has none"):
        BoundaryDistanceMapd("label", spacing="meta")({"label": torch.zeros(1, 4, 4)})
