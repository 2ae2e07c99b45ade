import pytest
import torch

from medabl.networks import KervadecUNet


def test_parameter_count_is_the_published_one() -> None:
    network = KervadecUNet(in_channels=2, out_channels=2)
    assert sum(parameter.numel() for parameter in network.parameters()) == 18_703_127


def test_every_parameter_gets_a_gradient_and_the_size_is_kept() -> None:
    network = KervadecUNet(1, 3, width=4)
    logits = network(torch.randn(2, 1, 24, 40))
    assert logits.shape == (2, 3, 24, 40)
    logits.square().mean().backward()
    # A convolution's bias before batch norm has none, by construction: all but that one.
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name


def test_skips_reach_full_resolution() -> None:
    """A change of one input pixel must move the output next to it, whatever the bridge does."""
    network = KervadecUNet(1, 2, width=4).eval()
    image = torch.zeros(1, 1, 32, 32)
    changed = image.clone()
    changed[0, 0, 16, 16] = 10
    difference = (network(changed) - network(image)).abs().sum(dim=1)[0]
    assert difference[16, 16] > 0


def test_weights_start_as_in_the_original() -> None:
    torch.manual_seed(0)
    network = KervadecUNet(2, 2, width=32)
    weight = network.up2[0][0].conv.weight
    fan = 9 * (weight.shape[0] + weight.shape[1])
    assert weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.02)
    scales = [m.weight for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert torch.cat(scales).std().item() == pytest.approx(0.02, rel=0.1)


def test_odd_sizes_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"multiples of 8; got \(30, 32\)"):
        KervadecUNet(1, 2, width=2)(torch.zeros(1, 1, 30, 32))
