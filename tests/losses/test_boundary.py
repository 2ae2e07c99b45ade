import pytest
import torch
from scipy import ndimage

from medabl.geometry import signed_distance
from medabl.losses import BoundaryLoss

FLAGS = {"to_onehot_y": True, "softmax": True}


def example(seed, classes=3, spatial=(9, 11)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, *spatial, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, max(classes, 2), (2, 1, *spatial), generator=generator)
    labels[1][labels[1] == classes - 1] = 0
    return logits, labels


def slow_loss(logits, labels, classes, spacing):
    """From Kervadec's definition, with SciPy's distances; 0 for a class absent or alone."""
    total = 0.0
    for image, label in zip(logits.softmax(1), labels, strict=True):
        for c in classes:
            inside = (label[0] == c).numpy()
            if not inside.any() or inside.all():
                continue
            out = ndimage.distance_transform_edt(~inside, spacing)
            depth = ndimage.distance_transform_edt(inside, spacing) - 1
            signed = out * ~inside - depth * inside
            total += float((image[c] * torch.from_numpy(signed)).sum())
    return total / (len(labels) * len(classes) * labels[0].numel())


@pytest.mark.parametrize("spacing", [None, (0.5, 2.0)])
@pytest.mark.parametrize("include_background", [False, True])
@pytest.mark.parametrize("classes", [2, 4])
def test_equals_kervadecs_definition(classes, include_background, spacing):
    logits, labels = example(0, classes)
    loss = BoundaryLoss(**FLAGS, include_background=include_background, spacing=spacing)
    kept = range(0 if include_background else 1, classes)
    expected = slow_loss(logits, labels, kept, spacing)
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_equals_monai_where_no_class_is_absent_or_alone():
    losses = pytest.importorskip("monai.losses")
    if not hasattr(losses, "BoundaryLoss"):
        pytest.skip("this MONAI has no BoundaryLoss")
    logits, labels = example(1, 3)
    labels[1, 0, 4, 4] = 2
    expected = losses.BoundaryLoss(**FLAGS)(logits.float(), labels)
    value = BoundaryLoss(**FLAGS, include_background=True)(logits.float(), labels)
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("spatial", [(9, 11), (5, 6, 7)])
def test_given_distance_map_of_all_or_of_the_kept_classes(spatial):
    logits, labels = example(2, 3, spatial)
    one_hot = torch.nn.functional.one_hot(labels[:, 0], 3).movedim(-1, 1)
    distance = signed_distance(one_hot)
    loss = BoundaryLoss(**FLAGS)
    expected = loss(logits, labels)
    torch.testing.assert_close(loss(logits, labels, distance_map=distance), expected)
    torch.testing.assert_close(loss(logits, labels, distance_map=distance[:, 1:]), expected)
    torch.testing.assert_close(BoundaryLoss(softmax=True)(logits, one_hot), expected)
    with pytest.raises(ValueError, match="distance_map must have the shape"):
        loss(logits, labels, distance_map=distance[:, :1])


def test_one_channel_is_the_foreground():
    logits, labels = example(3, 1)
    pair = torch.cat([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(
        BoundaryLoss(sigmoid=True)(logits, labels), BoundaryLoss(**FLAGS)(pair, labels)
    )
    torch.testing.assert_close(
        BoundaryLoss()(logits.sigmoid(), labels), BoundaryLoss(**FLAGS)(pair, labels)
    )


def test_reductions():
    logits, labels = example(4, 3)
    values = BoundaryLoss(**FLAGS, reduction="none")(logits, labels)
    assert values.shape == (2, 2, 9, 11)
    torch.testing.assert_close(BoundaryLoss(**FLAGS)(logits, labels), values.mean())
    torch.testing.assert_close(BoundaryLoss(**FLAGS, reduction="sum")(logits, labels), values.sum())


def test_flips_and_batches_and_class_order_change_nothing():
    logits, labels = example(5, 3)
    loss = BoundaryLoss(**FLAGS, include_background=True)
    value = loss(logits, labels)
    torch.testing.assert_close(loss(logits.flip(2, 3), labels.flip(2, 3)), value)
    each = torch.stack([loss(logits[i : i + 1], labels[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(each.mean(), value)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(loss(logits[:, order], order.argsort()[labels]), value)


def test_gradcheck():
    logits, labels = example(6, 3, (4, 5))
    loss = BoundaryLoss(**FLAGS)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.requires_grad_())


def test_compiles_without_graph_breaks():
    logits, labels = example(7, 3)
    loss = BoundaryLoss(**FLAGS)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(logits, labels), loss(logits, labels))


def test_half_precision_computes_in_float32():
    logits, labels = example(8, 3)
    value = BoundaryLoss(**FLAGS)(logits.bfloat16(), labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, BoundaryLoss(**FLAGS)(logits.bfloat16().float(), labels))
