"""The options of the active boundary loss that the paper does not have."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medabl.geometry import boundary_distance
from medabl.losses import ActiveBoundaryLoss
from medabl.losses.active_boundary.op import active_boundary_values
from medabl.losses.active_boundary.settings import Settings
from tests.losses.random_predictions import FLAGS, gradient_of, labels_like, noise
from tests.losses.reference_values import reference_values
from tests.losses.slow_active_boundary import paper_loss

OPTIONS = [
    {"class_change": True},
    {"boundary_factor": 1.5},
    {"min_divergence": 0.5},
    {"reach": 2.0},
    {"share_ties": True},
    {"class_change": True, "boundary_factor": 0.7, "reach": 3.0, "share_ties": True},
]
NAMES = {"boundary_factor": "factor", "min_divergence": "least"}


def as_arguments(options):
    arguments = {name: value for name, value in options.items() if name != "class_change"}
    return {"predicted_boundary": "class", **arguments} if "class_change" in options else arguments


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    ("shape", "ignored"), [((2, 3, 9, 8), None), ((2, 2, 9, 8), 1), ((1, 2, 5, 5, 4), None)]
)
def test_an_option_equals_the_loss_written_as_loops(options, shape, ignored):
    logits = noise(0, *shape)
    labels = labels_like(logits, 1)
    loss = ActiveBoundaryLoss(
        **FLAGS, max_boundary_ratio=0.2, ignore_index=ignored, **as_arguments(options)
    )
    value, gradient = gradient_of(loss, logits, labels)
    slow = {NAMES.get(name, name): option for name, option in options.items()}
    expected, expected_gradient = gradient_of(
        lambda x: paper_loss(x, labels[:, 0], ratio=0.2, ignore_index=ignored, **slow), logits
    )
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-12)
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-5, atol=1e-6 * scale + 1e-12)


@given(
    seed=st.integers(0, 999),
    channels=st.sampled_from([1, 2, 4]),
    detach=st.booleans(),
    options=st.fixed_dictionaries(
        {},
        optional={
            "class_change": st.just(True),
            "boundary_factor": st.floats(0.1, 5),
            "min_divergence": st.floats(1e-4, 1),
            "reach": st.floats(1, 9),
            "share_ties": st.just(True),
        },
    ),
)
def test_operator_on_and_off_the_cpu_equals_the_reference(seed, channels, detach, options):
    logits = noise(seed, 2, channels, 14, 17)
    distance = boundary_distance(labels_like(logits, seed + 1))[:, 0]
    settings = Settings(0.05, 20.0, 0.2, detach, False, **options)
    expected, expected_weights, counts = reference_values(logits, distance, None, settings)
    dense, dense_weights, scales, _ = torch.ops.medabl.active_boundary_dense(
        logits, distance, None, *settings
    )
    results = [active_boundary_values(logits, distance, None, settings), (dense, dense_weights)]
    for values, weights in results:
        torch.testing.assert_close(weights, expected_weights)
        torch.testing.assert_close(values, expected, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(1 / scales, counts.clamp_min(1).to(scales.dtype))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradcheck(options):
    labels = torch.zeros(2, 1, 6, 5)
    labels[:, :, 2:4, 2:4] = 1
    loss = ActiveBoundaryLoss(
        **FLAGS, max_boundary_ratio=0.3, detach_neighbors=False, **as_arguments(options)
    )
    logits = noise(0, 2, 3, 6, 5).requires_grad_()
    assert loss(logits, labels) > 0
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_batch_is_the_mean_of_the_images_that_have_a_lesion(options):
    logits = noise(1, 3, 2, 20, 22)
    labels = labels_like(logits, 4)
    labels[1] = 0
    loss = ActiveBoundaryLoss(**FLAGS, **as_arguments(options))
    alone = [loss(logits[i : i + 1], labels[i : i + 1]) for i in range(3)]
    assert alone[1] == 0 < min(alone[0], alone[2])
    value, gradient = gradient_of(loss, logits, labels)
    torch.testing.assert_close(value, (alone[0] + alone[2]) / 2)
    assert not gradient[1].any()
    assert gradient[0].any() and gradient[2].any()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_thousand_lesions(options):
    labels = torch.zeros(1, 1, 192, 192, dtype=torch.long)
    labels[..., 1::6, 1::6] = 1
    logits = noise(2, 1, 2, 192, 192)
    value, gradient = gradient_of(
        ActiveBoundaryLoss(**FLAGS, **as_arguments(options)), logits, labels
    )
    distance = boundary_distance(labels)[:, 0]
    settings = Settings(0.01, 20.0, 0.2, True, False, **options)
    expected, _, counts = reference_values(logits, distance, None, settings)
    assert counts > 100
    torch.testing.assert_close(value, expected[0])
    assert gradient.isfinite().all()


@pytest.mark.parametrize("reach", [1.0, 2.5, 6.0])
def test_beyond_its_reach_nothing_is_pushed(reach):
    labels = torch.zeros(1, 1, 40, 40, dtype=torch.long)
    labels[..., 15:22, 12:20] = 1
    loss = ActiveBoundaryLoss(**FLAGS, max_boundary_ratio=0.5, reach=reach)
    _, gradient = gradient_of(loss, noise(3, 1, 2, 40, 40), labels)
    distance = boundary_distance(labels)
    pushed = distance[gradient.abs().sum(1, keepdim=True) > 0]
    assert pushed.min() > 0 and pushed.max() <= reach
    assert pushed.max() > reach - 1


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_predicted_boundary_grows_with_the_true_one(factor):
    pushed = []
    for side in (4, 20):
        labels = torch.zeros(1, 1, 64, 64, dtype=torch.long)
        labels[..., 10 : 10 + side, 10 : 10 + side] = 1
        loss = ActiveBoundaryLoss(**FLAGS, boundary_factor=factor)
        _, gradient = gradient_of(loss, noise(4, 1, 2, 64, 64), labels)
        seeds = factor * int((boundary_distance(labels) == 0).sum())
        pushed.append(int((gradient.abs().sum(1) > 0).sum()))
        # Each of them is dilated to 3 x 3, which overlap, and the true boundary takes no part.
        assert seeds < pushed[-1] <= 9 * seeds
    assert pushed[1] > 2.5 * pushed[0]


def test_where_all_divergences_are_below_the_floor_nothing_is_pushed():
    labels = torch.zeros(1, 1, 24, 24, dtype=torch.long)
    labels[..., 8:14, 8:14] = 1
    logits = noise(5, 1, 2, 24, 24, scale=0.01)
    assert ActiveBoundaryLoss(**FLAGS)(logits, labels) > 0
    value, gradient = gradient_of(ActiveBoundaryLoss(**FLAGS, min_divergence=0.1), logits, labels)
    assert value == 0
    assert not gradient.any()


def test_a_shared_target_does_not_depend_on_the_order_of_the_neighbours():
    logits = noise(0, 1, 2, 24, 24)
    labels = labels_like(logits, 2)
    flags = {**FLAGS, "max_boundary_ratio": 0.3}
    share, first = (ActiveBoundaryLoss(**flags, share_ties=ties) for ties in (True, False))
    # A map that the transposition does not move by a voxel, so that only the order can differ.
    distance = boundary_distance(labels)
    turned = [part.transpose(2, 3) for part in (logits, labels, distance)]
    value = share(logits, labels, distance_map=distance)
    torch.testing.assert_close(share(turned[0], turned[1], distance_map=turned[2]), value)
    assert not math.isclose(
        first(turned[0], turned[1], distance_map=turned[2]),
        first(logits, labels, distance_map=distance),
        rel_tol=1e-6,
    )


def test_texture_inside_a_region_is_no_boundary_where_the_class_has_to_change():
    labels = torch.zeros(1, 1, 32, 32)
    labels[..., 10:20, 10:20] = 1
    texture = -5 - noise(0, 1, 1, 32, 32).abs()
    logits = torch.cat([torch.zeros_like(texture), texture], 1)
    assert ActiveBoundaryLoss(**FLAGS)(logits, labels) > 0
    assert ActiveBoundaryLoss(**FLAGS, predicted_boundary="class")(logits, labels) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"predicted_boundary": "edge"}, "predicted_boundary must be one of divergence, class"),
        ({"boundary_factor": 0}, "boundary_factor must be positive, got 0"),
        ({"min_divergence": -1}, "min_divergence must be positive, got -1"),
        ({"reach": math.nan}, "reach must be positive, got nan"),
        ({"reach": "5"}, "reach must be positive, got '5'"),
        ({"variant": "released", "share_ties": True}, 'variant="released" repeats code'),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments, expected):
    with pytest.raises(ValueError, match=expected):
        ActiveBoundaryLoss(**FLAGS, **arguments)
