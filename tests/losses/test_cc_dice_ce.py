import math

import pytest
import torch
from lesion_examples import example, lesions_of, voxels_of
from monai.losses import DiceCELoss

from medabl.losses import CCDiceCELoss
from medabl.transforms import LesionCellMapd

FLAGS = {"to_onehot_y": True, "softmax": True}
NO_LABEL = 255


def dice_plus_entropy(probs, label, voxels, c, smooth):
    overlap = sum(float(probs[(c, *v)]) for v in voxels if label[v] == c)
    volumes = sum(float(probs[(c, *v)]) + (label[v] == c).item() for v in voxels)
    entropy = sum(-math.log(probs[(int(label[v]), *v)]) for v in voxels) / len(voxels)
    return 1 - (2 * overlap + smooth) / (volumes + smooth) + entropy


def cells_of(mask, voxels):
    """The voxels nearest to each lesion, as the tests of the geometry measure them."""
    number = LesionCellMapd()({"label": mask[None].int()})["cell_map"][0]
    return [[v for v in voxels if number[v] == n] for n in sorted(set(number.flatten().tolist()))]


def slow_loss(logits, labels, predicted_cells=False):
    """From the definition, voxel by voxel and lesion by lesion."""
    per_image = []
    for probs, (label,) in zip(logits.softmax(1), labels, strict=True):
        known = [v for v in voxels_of(label) if label[v] != NO_LABEL]
        total = 0.0
        for c in range(1, len(probs)):
            total += dice_plus_entropy(probs, label, known, c, 1e-5)
            masks = [label == c]
            if predicted_cells:
                masks.append((probs.argmax(0) == c) & (label != NO_LABEL))
            for mask in masks:
                cells = [[v for v in cell if v in known] for cell in cells_of(mask, known)]
                terms = [dice_plus_entropy(probs, label, cell, c, 0.0) for cell in cells if cell]
                total += sum(terms) / len(terms)
        per_image.append(total / (len(probs) - 1))
    return sum(per_image) / len(per_image)


@pytest.mark.parametrize("predicted_cells", [False, True])
@pytest.mark.parametrize(
    ("classes", "spatial"), [(2, (9, 11)), (3, (8, 7)), (2, (4, 5, 3)), (2, (1, 6))]
)
def test_equals_the_definition(classes, spatial, predicted_cells):
    logits, labels = example(0, classes, spatial)
    loss = CCDiceCELoss(**FLAGS, predicted_cells=predicted_cells)
    expected = slow_loss(logits, labels, predicted_cells)
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("predicted_cells", [False, True])
def test_ignored_voxels_take_no_part(predicted_cells):
    logits, labels = example(1, 3)
    labels[:, :, 2:4] = NO_LABEL
    loss = CCDiceCELoss(**FLAGS, ignore_index=NO_LABEL, predicted_cells=predicted_cells)
    expected = slow_loss(logits, labels, predicted_cells)
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-9)
    logits[:, :, 2:4] = torch.nan
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-9)


def test_the_part_of_the_image_is_monais():
    """What is left when the only lesion's cell, which is the image, is taken away."""
    logits, labels = example(2, 2, density=0.0)
    labels[:, :, 2:5, 3:6] = 1
    image = DiceCELoss(include_background=False, **FLAGS)(logits, labels)
    alone = DiceCELoss(include_background=False, **FLAGS, smooth_nr=0.0, smooth_dr=0.0)
    loss = CCDiceCELoss(**FLAGS)(logits, labels)
    torch.testing.assert_close(loss, image + alone(logits, labels))


def test_a_missed_lesion_costs_the_same_however_small():
    """Each of two lesions, of 49 voxels and of 1, is half of the Dice of the cells."""
    labels = torch.zeros(1, 1, 21, 21, dtype=torch.long)
    labels[..., 1:8, 1:8] = 1
    labels[..., 18, 18] = 1
    image = DiceCELoss(include_background=False, **FLAGS)
    for missed in (slice(0, 10), slice(15, 21)):
        found = labels.clone()
        found[..., missed, missed] = 0
        logits = torch.cat([1 - found, found], 1) * 40.0 - 20.0
        cells = CCDiceCELoss(**FLAGS)(logits, labels) - image(logits, labels)
        assert (cells - _entropy_of_cells(logits, labels)).item() == pytest.approx(0.5, abs=1e-4)


def _entropy_of_cells(logits, labels):
    values = torch.nn.functional.cross_entropy(logits, labels[:, 0], reduction="none")[0]
    cells = LesionCellMapd()({"label": labels[0]})["cell_map"][0]
    return sum(values[cells == n].mean() for n in (1, 2)) / 2


@pytest.mark.parametrize(("classes", "spatial"), [(2, (9, 11)), (3, (5, 6, 7))])
def test_a_given_map_changes_nothing(classes, spatial):
    logits, labels = example(3, classes, spatial)
    transform = LesionCellMapd(num_classes=classes)
    cells = torch.stack([transform({"label": label})["cell_map"] for label in labels])
    loss = CCDiceCELoss(**FLAGS)
    torch.testing.assert_close(loss(logits, labels, cell_map=cells), loss(logits, labels))
    torch.testing.assert_close(loss(logits, labels, cell_map=cells.float()), loss(logits, labels))


def test_spacing_moves_the_border_between_cells():
    labels = torch.zeros(1, 1, 3, 9, dtype=torch.long)
    labels[0, 0, 0, 0] = labels[0, 0, 2, 4] = 1
    logits = torch.randn(1, 2, 3, 9, generator=torch.Generator().manual_seed(0))
    wide = LesionCellMapd(spacing=(9.0, 1.0))({"label": labels[0]})["cell_map"][None]
    loss = CCDiceCELoss(**FLAGS, spacing=(9.0, 1.0))
    torch.testing.assert_close(loss(logits, labels), CCDiceCELoss(**FLAGS)(logits, labels, wide))
    assert loss(logits, labels) != CCDiceCELoss(**FLAGS)(logits, labels)


def test_an_image_without_lesion_is_one_cell():
    logits, labels = example(4, density=0.0)
    loss = CCDiceCELoss(**FLAGS)
    entropy = torch.nn.functional.cross_entropy(logits, labels[:, 0])
    volume = logits.softmax(1)[:, 1].flatten(1).sum(1)
    dice = (1 - 1e-5 / (volume + 1e-5)).mean()
    torch.testing.assert_close(loss(logits, labels), 2 * entropy + dice + 1)
    logits.requires_grad_()
    loss(logits, labels).backward()
    assert logits.grad.isfinite().all()


def test_a_sure_prediction_of_nothing_has_a_finite_gradient():
    labels = torch.zeros(1, 1, 8, 8, dtype=torch.long)
    logits = torch.tensor([90.0, -90.0]).view(1, 2, 1, 1).repeat(1, 1, 8, 8).requires_grad_()
    for predicted_cells in (False, True):
        loss = CCDiceCELoss(**FLAGS, predicted_cells=predicted_cells)(logits, labels)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.isfinite()
        assert gradient.isfinite().all()


def test_a_thousand_lesions():
    labels = torch.zeros(1, 1, 64, 64, dtype=torch.long)
    labels[..., ::2, ::2] = 1
    assert len(lesions_of(labels[0, 0])) == 1024
    logits = torch.zeros(1, 2, 64, 64, dtype=torch.float64)
    # Every cell is a lesion of 1 voxel and 3 others, all of probability 1/2.
    expected = 2 * math.log(2) + 2 * (1 - 2 * 0.5 / (2 + 1))
    assert CCDiceCELoss(**FLAGS)(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_a_batch_is_the_mean_of_its_images():
    logits, labels = example(5, 3)
    labels[1] = 0
    each = CCDiceCELoss(**FLAGS, reduction="none")(logits, labels)
    assert each.shape == (2,)
    alone = [CCDiceCELoss(**FLAGS)(logits[i : i + 1], labels[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(each, torch.stack(alone))
    torch.testing.assert_close(CCDiceCELoss(**FLAGS)(logits, labels), each.mean())
    torch.testing.assert_close(CCDiceCELoss(**FLAGS, reduction="sum")(logits, labels), each.sum())


def test_one_channel_and_one_hot_and_probabilities():
    logits, labels = example(6, 1)
    pair = torch.cat([torch.zeros_like(logits), logits], 1)
    expected = CCDiceCELoss(**FLAGS)(pair, labels)
    torch.testing.assert_close(CCDiceCELoss(sigmoid=True)(logits, labels), expected)
    one_hot = torch.cat([1 - labels, labels], 1)
    torch.testing.assert_close(CCDiceCELoss(softmax=True)(pair, one_hot), expected)
    torch.testing.assert_close(CCDiceCELoss()(pair.softmax(1), one_hot), expected)


@pytest.mark.parametrize("predicted_cells", [False, True])
def test_gradcheck(predicted_cells):
    logits, labels = example(7, 3, (4, 5))
    loss = CCDiceCELoss(**FLAGS, predicted_cells=predicted_cells)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.requires_grad_())


def test_refuses_maps_that_cannot_be_cells():
    logits, labels = example(8, 3, (4, 5))
    loss = CCDiceCELoss(**FLAGS)
    with pytest.raises(ValueError, match=r"cell_map must have the shape \(2, 2, 4, 5\)"):
        loss(logits, labels, cell_map=torch.zeros(2, 1, 4, 5))
    with pytest.raises(ValueError, match="cell_map must hold whole numbers"):
        loss(logits, labels, cell_map=torch.zeros(2, 2, 4, 5, dtype=torch.bool))
    for wrong in (-1, 7):
        with pytest.raises(ValueError, match="cell_map must hold numbers of lesions, from 0 to 6"):
            loss(logits, labels, cell_map=torch.full((2, 2, 4, 5), wrong))
