import pytest
import torch
from deterministic import assert_three_pixels, fill, image
from published_keys import deeplabv3
from torch import nn

from medabl.networks import DeepLabV3ResNet50


@pytest.mark.parametrize(("aux", "count"), [(True, 42_003_046), (False, 39_638_355)])
def test_parameter_count_is_the_published_one(aux: bool, count: int) -> None:
    with torch.device("meta"):
        network = DeepLabV3ResNet50(num_classes=19, aux=aux)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_a_checkpoint_with_torchvisions_names_loads(assert_loads) -> None:
    assert_loads(DeepLabV3ResNet50(num_classes=21), deeplabv3(classes=21, aux=True))


def test_logits_are_those_of_torchvisions_network() -> None:
    """Computed with torchvision 0.29's modules, in double precision, from the same weights."""
    network = DeepLabV3ResNet50(num_classes=19)
    fill(network)
    main, auxiliary = network(image(129, 97))
    assert_three_pixels(
        main,
        [
            [0.09552729, 0.056108235, 0.113480242],
            [0.16069346, 0.084599872, 0.087780026],
            [0.137652139, 0.079916807, 0.117882612],
        ],
    )
    assert_three_pixels(
        auxiliary,
        [
            [-0.143407758, -0.049284256, -0.035498184],
            [-0.156417963, 0.112634347, -0.093137803],
            [-0.222286605, 0.059219667, -0.092787509],
        ],
    )


def test_training_gives_main_and_auxiliary_logits_and_reaches_every_parameter() -> None:
    network = DeepLabV3ResNet50(num_classes=3)
    outputs = network(torch.randn(2, 3, 65, 49))
    assert [tuple(logits.shape) for logits in outputs] == [(2, 3, 65, 49)] * 2
    sum(logits.square().mean() for logits in outputs).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_without_auxiliary_head_training_gives_the_logits_alone() -> None:
    network = DeepLabV3ResNet50(num_classes=3, aux=False)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 3, 32, 32)


def test_one_image_cannot_be_trained_on_alone_and_the_error_says_why() -> None:
    network = DeepLabV3ResNet50(num_classes=2)
    with pytest.raises(ValueError, match=r"pools each image to one pixel .* batch of two or more"):
        network(torch.zeros(1, 3, 32, 32))


def test_one_image_is_enough_where_the_norms_are_frozen() -> None:
    network = DeepLabV3ResNet50(num_classes=2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    assert len(network(torch.zeros(1, 3, 32, 32))) == 2
