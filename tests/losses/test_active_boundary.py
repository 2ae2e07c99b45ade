import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from random_predictions import FLAGS, blobs, gradient_of, labels_like, noise
from reference_values import reference_values
from slow_active_boundary import paper_loss

from medabl.geometry import boundary_distance
from medabl.losses import ActiveBoundaryLoss
from medabl.losses.active_boundary.op import active_boundary_values
from medabl.losses.active_boundary.settings import Settings


@st.composite
def cases(draw, max_size=6, max_depth=3):
    depth = draw(st.sampled_from([None, None, *range(1, max_depth + 1)]))
    size = max_size if depth is None else 3
    spatial = [draw(st.integers(1, size)), draw(st.integers(1, size))]
    spatial += [] if depth is None else [depth]
    batch, classes = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    seed = draw(st.integers(0, 2**31))
    generator = torch.Generator().manual_seed(seed)
    logits = noise(seed, batch, classes, *spatial)
    labels = torch.randint(0, classes, (batch, 1, *spatial), generator=generator)
    # Large regions, so that not every voxel is on the boundary.
    labels = labels.where(torch.rand(labels.shape, generator=generator) < 0.1, 0)
    return logits, labels


@settings(max_examples=25, deadline=None)
@given(
    cases(),
    st.sampled_from([0.1, 0.3, 1.0]),
    st.booleans(),
    st.sampled_from([None, 1, 255]),
    st.booleans(),
)
def test_equals_loops_over_pixels(case, ratio, detach, ignore_index, anisotropic):
    logits, labels = case
    # Powers of two, so that equal distances are equal in every order of summation.
    spacing = [0.5, 2.0, 1.0][: logits.ndim - 2] if anisotropic else None
    if ignore_index == 255:
        labels = labels.where(noise(1, *labels.shape) < 2, 255)
    options = {"detach_neighbors": detach, "ignore_index": ignore_index, "spacing": spacing}
    loss = ActiveBoundaryLoss(**FLAGS, max_boundary_ratio=ratio, max_distance=3.0, **options)
    value, gradient = gradient_of(loss, logits, labels)
    expected, expected_gradient = gradient_of(
        paper_loss,
        logits,
        labels[:, 0],
        ratio=ratio,
        theta=3.0,
        detach=detach,
        ignore_index=ignore_index,
        spacing=spacing,
    )
    # The distance map is float32.
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-12)
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-5, atol=1e-6 * scale + 1e-12)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("kind", ["smooth", "noisy"])
def test_operator_equals_reference_in_float32(kind, channels, detach, released):
    logits = blobs(0, 3, channels, 70, 61)
    if kind == "noisy":
        logits = logits + noise(1, *logits.shape, dtype=torch.float32)
    distance = boundary_distance(labels_like(logits, 2))[:, 0]
    valid = None if released else noise(3, *distance.shape) < 3
    options = Settings(0.02, 20.0, 0.2, detach, released)
    share = torch.tensor([0.3, 0.5, 0.2])

    def weighted(run):
        values = logits.clone().requires_grad_()
        sums, weights, *_ = run(values, distance, valid, options)
        return sums.detach(), weights, torch.autograd.grad(sums @ share, values)[0]

    sums, weights, gradient = weighted(active_boundary_values)
    expected_sums, expected_weights, expected_gradient = weighted(reference_values)
    assert weights.sum() > 0
    torch.testing.assert_close(weights, expected_weights)
    torch.testing.assert_close(sums, expected_sums, rtol=1e-5, atol=0)
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("shape", "flags"),
    [
        ((1, 3, 6, 5), {"softmax": True, "to_onehot_y": True}),
        ((1, 2, 6, 5), {"softmax": True, "to_onehot_y": True}),
        ((2, 1, 6, 5), {"sigmoid": True}),
        ((1, 3, 4, 4, 2), {"softmax": True, "to_onehot_y": True}),
    ],
)
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_gradcheck(shape, flags, variant):
    if variant == "released" and len(shape) == 5:
        pytest.skip("the released code is 2D")
    labels = torch.zeros(shape[0], 1, *shape[2:])
    labels[:, :, 2:4, 2:4] = 1
    # Only with the neighbours attached is the gradient that of the value.
    loss = ActiveBoundaryLoss(
        **flags, max_boundary_ratio=0.3, detach_neighbors=False, variant=variant
    )
    logits = noise(0, *shape).requires_grad_()
    assert loss(logits, labels) > 0
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits)


def test_probabilities_give_what_logits_give():
    logits = noise(0, 2, 4, 20, 30)
    labels = labels_like(logits, 1)
    expected, gradient = gradient_of(ActiveBoundaryLoss(**FLAGS), logits, labels)
    loss = ActiveBoundaryLoss(to_onehot_y=True)
    value, through = gradient_of(lambda x: loss(x.softmax(1), labels), logits)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(through, gradient)


def test_one_channel_stands_for_two_classes():
    logits = noise(0, 2, 1, 20, 30)
    labels = labels_like(logits, 1)
    pair = torch.cat([torch.zeros_like(logits), logits], 1)
    expected = ActiveBoundaryLoss(**FLAGS)(pair, labels)
    assert expected > 0
    torch.testing.assert_close(ActiveBoundaryLoss(sigmoid=True)(logits, labels), expected)
    torch.testing.assert_close(ActiveBoundaryLoss()(logits.sigmoid(), labels), expected)


@pytest.mark.parametrize("ignore_index", [None, 2, 255])
def test_one_hot_target_gives_what_labels_give(ignore_index):
    logits = noise(0, 2, 3, 24, 24)
    labels = labels_like(logits, 1)
    one_hot = F.one_hot(labels[:, 0], 3).movedim(-1, 1)
    if ignore_index == 255:
        labels[:, :, :9], one_hot[:, :, :9] = 255, 0
    expected = ActiveBoundaryLoss(**FLAGS, ignore_index=ignore_index)(logits, labels)
    loss = ActiveBoundaryLoss(softmax=True, ignore_index=ignore_index)
    assert expected > 0
    torch.testing.assert_close(loss(logits, one_hot), expected)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_given_distance_map_replaces_the_computed_one(variant):
    logits = noise(0, 2, 3, 24, 24)
    labels = labels_like(logits, 1)
    loss = ActiveBoundaryLoss(**FLAGS, variant=variant)
    distance = boundary_distance(labels)
    torch.testing.assert_close(loss(logits, labels, distance_map=distance), loss(logits, labels))
    assert loss(logits, labels, distance_map=distance + 3) > loss(logits, labels)


def test_permuting_the_classes_changes_nothing():
    logits = noise(0, 2, 4, 24, 24)
    labels = labels_like(logits, 1)
    order = torch.tensor([2, 0, 3, 1])
    loss = ActiveBoundaryLoss(**FLAGS)
    value, gradient = gradient_of(loss, logits, labels)
    permuted, permuted_gradient = gradient_of(loss, logits[:, order], order.argsort()[labels])
    torch.testing.assert_close(permuted, value)
    torch.testing.assert_close(permuted_gradient, gradient[:, order])


@pytest.mark.parametrize("spatial", [(24, 20), (10, 8, 9)])
def test_transposing_the_image_changes_nothing_without_ties(spatial):
    # A flip is no symmetry of the loss, since boundaries lie on one side of the step between two
    # voxels; exchanging two axes is.
    logits = noise(0, 2, 3, *spatial)
    labels = labels_like(logits, 1)
    distance = noise(2, *labels.shape).abs()
    loss = ActiveBoundaryLoss(**FLAGS, max_boundary_ratio=0.05)
    value = loss(logits, labels, distance_map=distance)
    assert value > 0
    other = loss(
        logits.transpose(2, 3), labels.transpose(2, 3), distance_map=distance.transpose(2, 3)
    )
    torch.testing.assert_close(other, value)


def test_batch_is_its_images():
    logits = noise(0, 4, 3, 24, 24)
    labels = labels_like(logits, 1)
    labels[2] = 0
    loss = ActiveBoundaryLoss(**FLAGS)
    each = torch.stack([loss(logits[i : i + 1], labels[i : i + 1]) for i in range(4)])
    assert each[2] == 0
    assert (each[[0, 1, 3]] > 0).all()
    values = ActiveBoundaryLoss(**FLAGS, reduction="none")(logits, labels)
    torch.testing.assert_close(values, each)
    torch.testing.assert_close(
        ActiveBoundaryLoss(**FLAGS, reduction="sum")(logits, labels), each.sum()
    )
    torch.testing.assert_close(loss(logits, labels), each.sum() / 3)


@pytest.mark.parametrize("shape", [(1, 37, 41), (2, 37, 41), (3, 37, 41), (5, 19, 13, 11)])
@pytest.mark.parametrize("detach", [True, False])
def test_an_image_does_not_hang_on_those_beside_it_to_the_last_digit(shape, detach):
    logits = noise(3, 4, *shape, dtype=torch.float32)
    labels = labels_like(logits, 4)
    flags = {"sigmoid": True} if shape[0] == 1 else FLAGS
    loss = ActiveBoundaryLoss(**flags, detach_neighbors=detach, reduction="none")
    values, gradients = gradient_of(loss, logits, labels)
    for image in range(4):
        one = slice(image, image + 1)
        value, gradient = gradient_of(loss, logits[one], labels[one])
        assert torch.equal(value, values[one])
        assert torch.equal(gradient, gradients[one])


def test_at_most_the_share_of_voxels_gets_a_gradient():
    logits = noise(0, 1, 3, 50, 50)
    _, gradient = gradient_of(ActiveBoundaryLoss(**FLAGS), logits, labels_like(logits, 1))
    touched = (gradient != 0).any(1).sum()
    assert 0 < touched <= 9 * 25


def test_moves_a_displaced_boundary_onto_the_true_one_faster_than_cross_entropy_alone():
    size, shift = 32, 6
    column = torch.arange(size).expand(1, 1, size, size)
    labels = (column >= size // 2).long()
    start = (column - (size // 2 + shift) + 0.5).float()

    def errors(weight, steps):
        """Share of wrong pixels after every step."""
        # Smooth logits, as a network's, so that the boundary can only move as a whole.
        coarse = torch.nn.Parameter(F.adaptive_avg_pool2d(start, 8))
        optimizer = torch.optim.SGD([coarse], lr=4.0)
        boundary_loss = ActiveBoundaryLoss(sigmoid=True, max_boundary_ratio=0.05)
        history = []
        for _ in range(steps):
            logits = F.interpolate(coarse, (size, size), mode="bilinear")
            history.append(((logits > 0) != labels).float().mean().item())
            loss = F.binary_cross_entropy_with_logits(logits, labels.float())
            loss = loss + weight * boundary_loss(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return history

    with_abl, without = errors(15.0, 120), errors(0.0, 120)
    assert with_abl[0] == without[0] > 0.15
    assert with_abl[-1] == 0
    assert without[-1] > 0.05
