import sys

import pytest
import torch
from deterministic import assert_three_pixels, fill, image, state
from published_keys import SWIN_TINY, swin, upernet_swin_tiny

from medabl.networks import UperNetSwin, load_weights


@pytest.mark.parametrize(("size", "count"), [("tiny", 59_943_398), ("base", 121_417_124)])
def test_parameter_count_is_that_of_transformers(size: str, count: int) -> None:
    with torch.device("meta"):
        network = UperNetSwin(num_classes=150, size=size)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_a_published_file_loads_and_gives_its_logits(tmp_path) -> None:
    """Names and logits of transformers 4.57, with which the published files were written.

    The logits were computed with its own modules, in double precision, from the same weights.
    """
    network = UperNetSwin(num_classes=150)
    fill(network)
    path = tmp_path / "published.bin"
    torch.save(state(upernet_swin_tiny(classes=150)), path)
    load_weights(network, path)
    main, auxiliary = network(image(65, 48))
    assert_three_pixels(
        main,
        [
            [-0.071699656, 0.453331016, -0.00445774],
            [0.26831535, 0.688922081, 0.082369051],
            [0.227603924, 0.565519226, -0.210487411],
        ],
    )
    assert_three_pixels(
        auxiliary,
        [
            [0.40515439, -0.111560389, -0.664353577],
            [0.178586348, -0.516571512, -0.177573096],
            [0.105308676, -0.460916407, -0.452864607],
        ],
    )


def test_the_backbone_takes_imagenet_weights_of_transformers_4(tmp_path) -> None:
    network = UperNetSwin(num_classes=2)
    table = {f"swin.{name}": shape for name, shape in swin(*SWIN_TINY).items()}
    table |= {"swin.layernorm.weight": (768,), "swin.layernorm.bias": (768,)}
    table |= {"classifier.weight": (1000, 768), "classifier.bias": (1000,)}
    path = tmp_path / "imagenet.bin"
    torch.save({name: torch.full(shape, 7.0) for name, shape in table.items()}, path)
    load_weights(network.backbone, path, ignore=["classifier", "hidden_states_norms"])
    for name, parameter in network.backbone.swin.named_parameters():
        assert (parameter == 7).all(), name


def test_training_gives_main_and_auxiliary_logits_and_reaches_every_parameter() -> None:
    network = UperNetSwin(num_classes=3)
    outputs = network(torch.randn(2, 3, 65, 47))
    assert [tuple(logits.shape) for logits in outputs] == [(2, 3, 65, 47)] * 2
    sum(logits.square().mean() for logits in outputs).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None or not parameter.requires_grad, name


def test_inference_gives_the_logits_alone() -> None:
    assert UperNetSwin(num_classes=3).eval()(torch.zeros(1, 3, 64, 32)).shape == (1, 3, 64, 32)


def test_one_image_cannot_be_trained_on_alone_and_the_error_says_why() -> None:
    with pytest.raises(ValueError, match=r"pools each image to one pixel .* batch of two or more"):
        UperNetSwin(num_classes=2)(torch.zeros(1, 3, 64, 64))


def test_a_size_that_was_not_published_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size must be 'tiny' or 'base'; got 'huge'"):
        UperNetSwin(num_classes=2, size="huge")


def test_without_transformers_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install medabl\[natural\]"):
        UperNetSwin(num_classes=2)
