import pytest
import torch
from deterministic import assert_three_pixels, fill, image
from published_keys import hrnet_fcn_18_small, hrnet_ocr_48

from medabl.networks import HRNetFCN, HRNetOCR


def _count(network: torch.nn.Module, *heads: str) -> int:
    return sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if not name.startswith(heads)
    )


def test_parameter_counts_are_the_published_ones() -> None:
    with torch.device("meta"):
        cityscapes, ade20k, small = HRNetOCR(19), HRNetOCR(150), HRNetFCN(19)
    assert _count(cityscapes) == 70_372_678
    assert _count(ade20k) == 70_534_332
    assert _count(small) == 3_939_579
    heads = ("conv3x3_ocr", "ocr_", "cls_head", "aux_head")
    assert _count(cityscapes, *heads) == 65_325_120


@pytest.mark.parametrize(
    ("build", "table"), [(HRNetOCR, hrnet_ocr_48), (HRNetFCN, hrnet_fcn_18_small)]
)
def test_a_checkpoint_with_the_published_names_loads(assert_loads, build, table) -> None:
    assert_loads(build(num_classes=19), table(classes=19))


def test_fcn_logits_are_those_of_the_published_code() -> None:
    """Computed with the published modules (branch pytorch-v1.1), in double precision."""
    network = HRNetFCN(num_classes=19)
    fill(network)
    assert_three_pixels(
        network(image(65, 48)),
        [
            [1.096835325, 1.024974096, -1.498214112],
            [0.873518047, 0.014508965, -2.403917822],
            [2.713085502, 1.109039406, 0.052410828],
        ],
    )


def test_ocr_logits_are_those_of_the_published_code() -> None:
    """Computed with the published modules (branch HRNet-OCR), in double precision."""
    network = HRNetOCR(num_classes=19)
    fill(network)
    main, auxiliary = network(image(65, 48))
    assert_three_pixels(
        main,
        [
            [-1.866351025, 3.817567042, 0.495959694],
            [-9.209181729, 1.9351505, 3.888712795],
            [-4.006361311, 0.331053878, 0.9502091],
        ],
    )
    assert_three_pixels(
        auxiliary,
        [
            [-4.700657268, 6.091063779, -8.058539365],
            [1.810097796, 13.393093446, -4.129593811],
            [7.105711597, -9.739359567, 0.817456258],
        ],
    )


def test_training_ocr_gives_main_and_auxiliary_logits_and_reaches_every_parameter() -> None:
    network = HRNetOCR(num_classes=3, width=18)
    outputs = network(torch.randn(2, 3, 65, 47))
    assert [tuple(logits.shape) for logits in outputs] == [(2, 3, 65, 47)] * 2
    outputs[0].square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name


def test_training_fcn_gives_logits_and_reaches_every_parameter() -> None:
    network = HRNetFCN(num_classes=3)
    logits = network(torch.randn(2, 3, 65, 47))
    assert logits.shape == (2, 3, 65, 47)
    logits.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize("build", [HRNetOCR, HRNetFCN])
def test_a_width_that_was_not_published_is_refused(build) -> None:
    with pytest.raises(ValueError, match=r"width must be one of 18, 32, 48, '18s'; got 64"):
        build(num_classes=2, width=64)
