import pytest
import torch
from lesion_examples import example, lesions_of, voxels_of
from monai.losses import TverskyLoss

from medabl.losses import ComponentTverskyLoss
from medabl.transforms import LesionSizeMapd

FLAGS = {"to_onehot_y": True, "softmax": True}


def slow_loss(logits, labels, alpha=0.3, beta=0.7, offset=5.0, background=0.01, ignore_index=None):
    """From the definition, lesion by lesion."""
    per_image = []
    for probs, (label,) in zip(logits.softmax(1), labels, strict=True):
        total = 0.0
        for c in range(1, len(probs)):
            lesions = lesions_of(label == c)
            hits = misses = false = 0.0
            for lesion in lesions:
                found = sum(float(probs[(c, *v)]) for v in lesion)
                hits += found / (len(lesion) + offset)
                misses += (len(lesion) - found) / (len(lesion) + offset)
            for v in voxels_of(label):
                if label[v] not in (c, ignore_index):
                    false += background * float(probs[(c, *v)])
            if lesions:
                total += 1 - (hits + 1e-5) / (hits + alpha * false + beta * misses + 1e-5)
        per_image.append(total / (len(probs) - 1))
    return sum(per_image) / len(per_image)


OPTIONS = {"alpha": 0.4, "beta": 0.5, "size_offset": 2.0, "background_weight": 0.1}


@pytest.mark.parametrize("options", [{}, OPTIONS])
@pytest.mark.parametrize(("classes", "spatial"), [(2, (9, 11)), (3, (8, 7)), (2, (4, 5, 3))])
def test_equals_the_definition(classes, spatial, options):
    logits, labels = example(0, classes, spatial)
    labels[1][labels[1] == classes - 1] = 0
    expected = slow_loss(logits, labels, *options.values())
    value = ComponentTverskyLoss(**FLAGS, **options)(logits, labels)
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_is_monais_tversky_loss_where_all_voxels_weigh_the_same():
    """Lesions of one voxel, and a background as heavy as they."""
    logits, _ = example(1)
    labels = torch.zeros(2, 1, 9, 11, dtype=torch.long)
    labels[..., ::2, ::3] = 1
    options = {"alpha": 0.3, "beta": 0.7}
    loss = ComponentTverskyLoss(**FLAGS, **options, size_offset=0.0, background_weight=1.0)
    monai = TverskyLoss(**FLAGS, **options, include_background=False)
    torch.testing.assert_close(loss(logits, labels), monai(logits, labels), rtol=1e-6, atol=0)


def test_ignored_voxels_take_no_part():
    logits, labels = example(2, 3)
    labels[:, :, 2:4] = 255
    loss = ComponentTverskyLoss(**FLAGS, ignore_index=255)
    expected = slow_loss(logits, labels, ignore_index=255)
    logits[:, :, 2:4] = torch.nan
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-9)


def test_an_image_without_lesion_adds_nothing():
    logits, labels = example(3)
    labels[1] = 0
    each = ComponentTverskyLoss(**FLAGS, reduction="none")(logits.requires_grad_(), labels)
    assert each.shape == (2,)
    assert each[1] == 0 < each[0]
    each.sum().backward()
    assert not logits.grad[1].any()
    assert logits.grad[0].any()


@pytest.mark.parametrize(("classes", "spatial"), [(2, (9, 11)), (3, (5, 6, 7))])
def test_a_given_map_changes_nothing(classes, spatial):
    logits, labels = example(4, classes, spatial)
    transform = LesionSizeMapd(num_classes=classes)
    sizes = torch.stack([transform({"label": label})["size_map"] for label in labels])
    loss = ComponentTverskyLoss(**FLAGS)
    torch.testing.assert_close(loss(logits, labels, size_map=sizes), loss(logits, labels))


def test_one_lesion():
    labels = torch.zeros(1, 1, 8, 8, dtype=torch.long)
    labels[..., 2:5, 2:6] = 1
    logits = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    hits, false = 12 / 17 / 2, 0.01 * 52 / 2
    expected = 1 - hits / (hits + 0.3 * false + 0.7 * hits)
    assert ComponentTverskyLoss(**FLAGS)(logits, labels).item() == pytest.approx(expected, rel=1e-4)


def test_a_thousand_lesions():
    labels = torch.zeros(1, 1, 64, 64, dtype=torch.long)
    labels[..., ::2, ::2] = 1
    logits = torch.zeros(1, 2, 64, 64, dtype=torch.float64)
    hits, false = 1024 / 6 / 2, 0.01 * 3072 / 2
    expected = 1 - hits / (hits + 0.3 * false + 0.7 * hits)
    assert ComponentTverskyLoss(**FLAGS)(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_a_batch_is_the_mean_of_its_images():
    logits, labels = example(5, 3)
    each = ComponentTverskyLoss(**FLAGS, reduction="none")(logits, labels)
    alone = [ComponentTverskyLoss(**FLAGS)(logits[i : i + 1], labels[i : i + 1]) for i in (0, 1)]
    torch.testing.assert_close(each, torch.stack(alone))
    torch.testing.assert_close(ComponentTverskyLoss(**FLAGS)(logits, labels), each.mean())


def test_one_channel_is_the_foreground():
    logits, labels = example(6, 1)
    pair = torch.cat([torch.zeros_like(logits), logits], 1)
    expected = ComponentTverskyLoss(**FLAGS)(pair, labels)
    torch.testing.assert_close(ComponentTverskyLoss(sigmoid=True)(logits, labels), expected)
    torch.testing.assert_close(ComponentTverskyLoss()(logits.sigmoid(), labels), expected)


def test_gradcheck():
    logits, labels = example(7, 3, (4, 5))
    loss = ComponentTverskyLoss(**FLAGS)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.requires_grad_())


@pytest.mark.parametrize("name", OPTIONS)
def test_refuses_negative_weights(name):
    with pytest.raises(ValueError, match=f"{name} must not be negative, got -1"):
        ComponentTverskyLoss(**{name: -1.0})


def test_refuses_a_map_of_another_shape():
    logits, labels = example(8, 3, (4, 5))
    with pytest.raises(ValueError, match=r"size_map must have the shape \(2, 2, 4, 5\)"):
        ComponentTverskyLoss(**FLAGS)(logits, labels, size_map=torch.zeros(2, 3, 4, 5))
