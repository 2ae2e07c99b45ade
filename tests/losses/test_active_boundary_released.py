import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_active_boundary import released_loss

from medabl.losses import ActiveBoundaryLoss


def both(logits, labels, **options):
    """Value and gradient of ours and of the loops; the latter None where there is no loss."""
    ours = logits.clone().requires_grad_()
    names = {"ratio": "max_boundary_ratio", "detach": "detach_neighbors"}
    loss = ActiveBoundaryLoss(
        to_onehot_y=True,
        softmax=True,
        variant="released",
        ignore_index=255,
        **{names[key]: value for key, value in options.items()},
    )
    value = loss(ours, labels)
    value.backward()
    theirs = logits.double().requires_grad_()
    expected = released_loss(theirs, labels[:, 0], **options)
    if expected is None:
        return value.detach(), ours.grad, None, None
    return value.detach(), ours.grad, expected.detach(), torch.autograd.grad(expected, theirs)[0]


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(2, 4),
    st.tuples(st.integers(2, 7), st.integers(2, 7)),
    st.sampled_from([0.05, 0.2]),
    st.booleans(),
    st.booleans(),
)
def test_equals_loops_over_pixels(seed, classes, size, ratio, detach, ignore):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, *size, generator=generator)
    labels = torch.zeros(2, 1, *size, dtype=torch.long)
    labels[0, :, 1:, : size[1] // 2] = 1
    labels[1, :, : size[0] // 2] = classes - 1
    if ignore:
        labels = labels.where(torch.rand(labels.shape, generator=generator) > 0.1, 255)
    value, gradient, expected, expected_gradient = both(logits, labels, ratio=ratio, detach=detach)
    if expected is None:
        assert value == 0
        assert (gradient == 0).all()
        return
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-9)
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(
        gradient.double(), expected_gradient, rtol=1e-5, atol=1e-5 * scale + 1e-12
    )


def test_equals_the_values_of_the_authors_setting():
    # As they call it: 1 % of a larger image, a disk, and a prediction that is off by some pixels.
    rows, columns = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    labels = ((rows - 20) ** 2 + (columns - 22) ** 2 < 150).long()[None, None]
    radius = ((rows - 27.3) ** 2 + (columns - 24.1) ** 2).sqrt()
    logits = torch.stack([radius - 9, 9 - radius])[None].float()
    value, gradient, expected, expected_gradient = both(logits, labels, ratio=0.01)
    assert expected > 0
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=0)
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient.double(), expected_gradient, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("classes", [2, 3])
def test_differs_from_the_paper(classes):
    logits = torch.randn(1, classes, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(1, 1, 32, 32)
    labels[..., 10:, 12:] = 1
    paper = ActiveBoundaryLoss(to_onehot_y=True, softmax=True)
    released = ActiveBoundaryLoss(to_onehot_y=True, softmax=True, variant="released")
    # Smaller weights: one is taken off the distances, and they are cut to integers.
    assert 0 < released(logits, labels) < paper(logits, labels)
