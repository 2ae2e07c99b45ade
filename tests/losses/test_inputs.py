"""What every loss accepts, and what it says of what it does not."""

import re
import warnings

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from medabl.geometry import boundary_distance, signed_distance
from medabl.losses import (
    ActiveBoundaryLoss,
    BoundaryLoss,
    CCDiceCELoss,
    ComponentTverskyLoss,
    CrossEntropyLoss,
    FullKLLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
    RegionWiseLoss,
)

FLAGS = {"to_onehot_y": True, "softmax": True}
LOSSES = [
    ActiveBoundaryLoss,
    BoundaryLoss,
    CCDiceCELoss,
    ComponentTverskyLoss,
    CrossEntropyLoss,
    FullKLLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
    RegionWiseLoss,
]
WITH_MAP = [ActiveBoundaryLoss, BoundaryLoss]


def example(classes=2, spatial=(12, 14)):
    logits = torch.randn(2, classes, *spatial, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(2, 1, *spatial, dtype=torch.long)
    labels[:, :, 3:9, 4:11] = 1
    return logits, labels


@pytest.mark.parametrize("kind", LOSSES)
def test_a_list_of_outputs_is_refused_with_the_mend(kind):
    logits, labels = example()
    with pytest.raises(
        ValueError, match=r"input must be one torch\.Tensor, got a list of 2; .*one by"
    ):
        kind(**FLAGS)([logits, logits], labels)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_pair_as_target_is_refused_with_the_mend(kind):
    logits, labels = example()
    with pytest.raises(
        ValueError, match=r"target must be one .* tuple of 2; .*distance_map=\.\.\."
    ):
        kind(**FLAGS)(logits, (labels, labels))


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("spatial", [(12, 14), (12, 14, 3)])
def test_stacked_outputs_are_refused_with_the_mend(kind, spatial):
    logits, labels = example(spatial=spatial)
    with pytest.raises(ValueError, match=r"deep supervision .* input\.unbind\(1\)"):
        kind(**FLAGS)(torch.stack([logits, logits], 1), labels)


@pytest.mark.parametrize("kind", LOSSES)
def test_labels_without_a_channel_axis_are_refused_with_the_mend(kind):
    logits, labels = example()
    with pytest.raises(ValueError, match=r"give it a channel axis: target\[:, None\]"):
        kind(**FLAGS)(logits, labels[:, 0])


@pytest.mark.parametrize("kind", LOSSES)
def test_an_image_without_voxels_is_refused(kind):
    with pytest.raises(ValueError, match="input must hold voxels"):
        kind(**FLAGS)(torch.zeros(1, 2, 8, 0), torch.zeros(1, 1, 8, 0))


@pytest.mark.parametrize("kind", LOSSES)
def test_an_empty_batch_is_a_zero_with_a_gradient(kind):
    logits = torch.zeros(0, 2, 8, 8, requires_grad=True)
    loss = kind(**FLAGS)(logits, torch.zeros(0, 1, 8, 8))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.shape == logits.shape


@pytest.mark.parametrize("label", [2, 255, -1])
@pytest.mark.parametrize("kind", LOSSES)
def test_a_label_that_is_no_class_is_named(kind, label):
    logits, labels = example()
    labels[1, 0, 2, 2] = label
    message = rf"label {label}, but input has 2 channels, .* 0 to 1; .*ignore_index={label} "
    with pytest.raises(ValueError, match=message):
        kind(**FLAGS)(logits, labels)


@pytest.mark.parametrize("kind", [ActiveBoundaryLoss, FullKLLoss])
def test_a_label_that_is_no_number_is_named_and_one_beside_those_ignored(kind):
    logits, labels = example()
    spoilt = labels.float()
    spoilt[0, 0, 1, 1] = torch.nan
    with pytest.raises(ValueError, match="label nan, but input has 2 channels"):
        kind(**FLAGS)(logits, spoilt)
    labels[:, :, :2], labels[0, 0, 5, 5] = 255, 3
    with pytest.raises(ValueError, match="label 3, but input has 2 channels"):
        kind(**FLAGS, ignore_index=255)(logits, labels)


@pytest.mark.parametrize("kind", [CCDiceCELoss, ComponentTverskyLoss])
def test_losses_of_lesions_refuse_regions(kind):
    logits, _ = example(classes=3)
    with pytest.raises(ValueError, match="sigmoid=True needs an input of one channel"):
        kind(sigmoid=True)(logits, torch.zeros_like(logits))


@pytest.mark.parametrize("kind", LOSSES)
def test_an_ignored_label_need_be_no_class(kind):
    logits, labels = example()
    labels[:, :, :2] = 255
    assert kind(**FLAGS, ignore_index=255)(logits, labels).isfinite()


@pytest.mark.parametrize("kind", LOSSES)
def test_metadata_of_monai_changes_nothing(kind):
    logits, labels = example()
    expected = kind(**FLAGS)(logits, labels)
    value = kind(**FLAGS)(MetaTensor(logits), MetaTensor(labels))
    assert type(value) is torch.Tensor
    assert torch.equal(value, expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.float16])
@pytest.mark.parametrize("variant", ["paper", "released", "boundary loss"])
def test_distance_maps_of_other_types_count_as_what_they_say(variant, dtype):
    logits, labels = example()
    loss = BoundaryLoss(**FLAGS)
    if variant != "boundary loss":
        loss = ActiveBoundaryLoss(**FLAGS, variant=variant, max_boundary_ratio=0.1)
    shape = logits.shape if variant == "boundary loss" else labels.shape
    distance = torch.randint(0, 9, shape, generator=torch.Generator().manual_seed(0))
    expected = loss(logits, labels, distance_map=distance.float())
    assert expected > 0
    assert torch.equal(loss(logits, labels, distance_map=distance.to(dtype)), expected)


@pytest.mark.parametrize("dtype", [torch.bool, torch.complex64])
@pytest.mark.parametrize("kind", WITH_MAP)
def test_a_map_that_holds_no_distances_is_refused(kind, dtype):
    logits, labels = example()
    shape = logits.shape if kind is BoundaryLoss else labels.shape
    with pytest.raises(ValueError, match="distance_map must hold distances, got torch"):
        kind(**FLAGS)(logits, labels, distance_map=torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize(
    "spacing", [0.5, np.float64(0.5), np.array([0.5, 0.5]), torch.full((2,), 0.5)]
)
@pytest.mark.parametrize("kind", WITH_MAP)
def test_spacing_may_be_one_number_or_an_array(kind, spacing):
    logits, labels = example()
    expected = kind(**FLAGS, spacing=[0.5, 0.5])(logits, labels)
    assert expected != kind(**FLAGS)(logits, labels)
    assert kind(**FLAGS, spacing=spacing)(logits, labels) == expected


def warnings_of(loss, *arguments, **maps):
    """What the loss says in two calls with the same input."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            loss(*arguments, **maps)
    return [str(one.message) for one in caught if "single channel" not in str(one.message)]


@pytest.mark.parametrize("kind", LOSSES)
def test_probabilities_where_logits_belong_are_doubted_once(kind):
    logits, labels = example(3)
    (doubt,) = warnings_of(kind(**FLAGS), logits.softmax(1), labels)
    assert "looks like probabilities" in doubt
    assert "leave softmax out" in doubt
    assert warnings_of(kind(**FLAGS), logits, labels) == []
    (doubt,) = warnings_of(kind(sigmoid=True), logits[:, :1].sigmoid(), labels)
    assert "leave sigmoid out" in doubt
    assert warnings_of(kind(sigmoid=True), logits[:, :1], labels) == []


@pytest.mark.parametrize("kind", LOSSES)
def test_logits_where_probabilities_belong_are_doubted_once(kind):
    logits, labels = example()
    (doubt,) = warnings_of(kind(to_onehot_y=True), logits, labels)
    assert re.match(r"input goes from -\d\.\d+ to \d\.\d+, but without softmax=True or", doubt)
    assert warnings_of(kind(to_onehot_y=True), logits.softmax(1), labels) == []
    assert warnings_of(kind(), logits[:, :1].sigmoid(), labels) == []


@pytest.mark.parametrize("kind", LOSSES)
def test_a_network_that_knows_nothing_yet_is_not_doubted(kind):
    _, labels = example()
    for start in (torch.zeros(2, 2, 12, 14), torch.rand(2, 2, 12, 14)):
        assert warnings_of(kind(**FLAGS), start, labels) == []
    assert warnings_of(kind(sigmoid=True), torch.zeros(2, 1, 12, 14), labels) == []


@pytest.mark.parametrize(("spacing", "doubted"), [((2.0, 3.0), False), (1.0, True), (None, False)])
@pytest.mark.parametrize("kind", WITH_MAP)
def test_a_map_of_another_spacing_is_doubted_once(kind, spacing, doubted):
    logits, labels = example()
    one_hot = torch.cat([1 - labels, labels], 1)
    in_mm = {
        ActiveBoundaryLoss: boundary_distance(labels, (2.0, 3.0)),
        BoundaryLoss: signed_distance(one_hot, (2.0, 3.0)),
    }[kind]
    said = warnings_of(kind(**FLAGS, spacing=spacing), logits, labels, distance_map=in_mm)
    assert len(said) == doubted
    assert all("distance_map begins at 2, which is none of the voxel sizes" in one for one in said)
