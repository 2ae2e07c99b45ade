import pytest
import torch
from lesion_examples import example
from scipy import ndimage

from medabl.geometry import region_wise_map
from medabl.losses import RegionWiseLoss

FLAGS = {"to_onehot_y": True, "softmax": True}


def slow_loss(logits, labels, classes, spacing=None):
    """From the definition, image by image and class by class, with SciPy's distances."""
    total = 0.0
    for image, (label,) in zip(logits.softmax(1), labels, strict=True):
        for c in classes:
            inside = label == c
            weight = torch.ones(label.shape, dtype=torch.float64)
            if inside.all():
                weight = -weight
            elif inside.any():
                depth = torch.from_numpy(ndimage.distance_transform_edt(inside.numpy(), spacing))
                weight[inside] = -depth[inside] / depth.max()
            total += float((image[c] * weight).sum())
    return total / (len(labels) * len(classes) * labels[0].numel())


@pytest.mark.parametrize(
    ("spatial", "spacing"), [((9, 11), None), ((9, 11), (0.5, 2.0)), ((5, 6, 4), (1.0, 1.0, 3.0))]
)
@pytest.mark.parametrize("include_background", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_equals_the_definition(classes, include_background, spatial, spacing):
    logits, labels = example(0, classes, spatial)
    labels[1] = 0
    loss = RegionWiseLoss(**FLAGS, include_background=include_background, spacing=spacing)
    expected = slow_loss(logits, labels, range(0 if include_background else 1, classes), spacing)
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_a_perfect_prediction_is_negative_and_its_opposite_is_not():
    _, labels = example(1, 2)
    right = torch.cat([1 - labels, labels], 1).double()
    loss = RegionWiseLoss(to_onehot_y=True)
    assert loss(right, labels) < 0
    assert loss(1 - right, labels) == pytest.approx(0.5)


@pytest.mark.parametrize("spatial", [(9, 11), (5, 6, 7)])
def test_a_given_map_of_all_or_of_the_kept_classes(spatial):
    logits, labels = example(2, 3, spatial)
    one_hot = torch.nn.functional.one_hot(labels[:, 0], 3).movedim(-1, 1)
    given = region_wise_map(one_hot)
    loss = RegionWiseLoss(**FLAGS, include_background=False)
    expected = loss(logits, labels)
    torch.testing.assert_close(loss(logits, labels, region_map=given), expected)
    torch.testing.assert_close(loss(logits, labels, region_map=given[:, 1:]), expected)
    with pytest.raises(ValueError, match="region_map must have the shape"):
        loss(logits, labels, region_map=given[:, :1])
    with pytest.raises(ValueError, match="region_map must hold distances"):
        loss(logits, labels, region_map=given > 0)


def test_ignored_voxels_take_no_part():
    logits, labels = example(3, 3)
    labels[:, :, 2:4] = 255
    loss = RegionWiseLoss(**FLAGS, ignore_index=255)
    value = loss(logits, labels)
    logits[:, :, 2:4] = torch.nan
    torch.testing.assert_close(loss(logits, labels), value)


def test_a_batch_is_the_mean_of_its_images():
    logits, labels = example(4, 3)
    alone = [RegionWiseLoss(**FLAGS)(logits[i : i + 1], labels[i : i + 1]) for i in range(2)]
    values = RegionWiseLoss(**FLAGS, reduction="none")(logits, labels)
    assert values.shape == logits.shape
    torch.testing.assert_close(values.mean(), torch.stack(alone).mean())
    torch.testing.assert_close(RegionWiseLoss(**FLAGS)(logits, labels), values.mean())


def test_an_image_without_lesion_pushes_the_lesion_class_down_everywhere():
    labels = torch.zeros(1, 1, 6, 8, dtype=torch.long)
    logits = torch.zeros(1, 2, 6, 8, dtype=torch.float64, requires_grad=True)
    loss = RegionWiseLoss(**FLAGS, include_background=False)(logits, labels)
    assert loss.item() == pytest.approx(0.5)
    loss.backward()
    assert (logits.grad[:, 1] > 0).all()


def test_one_lesion():
    """A square of 5 x 5: its rim is 1 deep, the ring within 2, the centre 3."""
    labels = torch.zeros(1, 1, 9, 9, dtype=torch.long)
    labels[..., 2:7, 2:7] = 1
    logits = torch.zeros(1, 2, 9, 9, dtype=torch.float64)
    depths = 16 * 1 + 8 * 2 + 1 * 3
    loss = RegionWiseLoss(**FLAGS, include_background=False)
    assert loss(logits, labels).item() == pytest.approx((81 - 25 - depths / 3) / 81 / 2)


def test_a_thousand_lesions():
    """Of one voxel each, which is the deepest of its lesion, and of the class."""
    labels = torch.zeros(1, 1, 64, 64, dtype=torch.long)
    labels[..., ::2, ::2] = 1
    logits = torch.zeros(1, 2, 64, 64, dtype=torch.float64)
    loss = RegionWiseLoss(**FLAGS, include_background=False)
    assert loss(logits, labels).item() == pytest.approx((3072 - 1024) / 4096 / 2)


def test_gradcheck():
    logits, labels = example(5, 3, (4, 5))
    loss = RegionWiseLoss(**FLAGS)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.requires_grad_())
