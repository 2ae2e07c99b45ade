import pytest
import torch
from published_keys import resnet50
from torch import Tensor, nn

from medabl.networks import SpaceTimeMemory
from medabl.networks.space_time_memory import merge_objects


@pytest.fixture(scope="module")
def network() -> SpaceTimeMemory:
    torch.manual_seed(0)
    return SpaceTimeMemory().eval()


def _video(frames: int = 3, objects: int = 2, height: int = 48, width: int = 64):
    """Random frames; a square for each object, side by side."""
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(1, objects, height, width)
    for number in range(objects):
        masks[:, number, 8:32, 20 * number + 2 : 20 * number + 18] = 1
    return torch.randn(1, frames, 3, height, width, generator=generator), masks


def test_parameter_count_is_the_published_one() -> None:
    with torch.device("meta"):
        network = SpaceTimeMemory()
    assert sum(parameter.numel() for parameter in network.parameters()) == 38_925_570


def test_both_encoders_take_imagenet_weights_under_torchvisions_names(assert_loads) -> None:
    network = SpaceTimeMemory()
    table = resnet50() | {"fc.weight": (1000, 2048), "fc.bias": (1000,)}
    assert_loads(network.query_encoder, table, ignore=["layer4", "fc"])
    assert_loads(network.memory_encoder, table, ignore=["layer4", "fc", "mask_conv"])


@pytest.mark.parametrize("size", [(48, 64), (50, 71)])
def test_logits_have_the_size_of_the_frames(network, size) -> None:
    frames, masks = _video(3, 2, *size)
    with torch.no_grad():
        assert network(frames, masks).shape == (1, 2, 3, *size)


def test_every_parameter_gets_a_gradient() -> None:
    network = SpaceTimeMemory()
    frames, masks = _video()
    network(frames, masks).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_objects_have_no_order(network) -> None:
    frames, masks = _video()
    with torch.no_grad():
        logits, swapped = network(frames, masks), network(frames, masks.flip(1))
    torch.testing.assert_close(swapped[:, :, [0, 2, 1]], logits, atol=1e-5, rtol=1e-5)


def test_other_objects_are_seen_as_such(network) -> None:
    """A mask moved from the second object to the background must change the first one's."""
    frames, masks = _video(frames=2)
    with torch.no_grad():
        both = network(frames, masks)[:, :, 1]
        masks[:, 1] = 0
        alone = network(frames, masks)[:, :, 1]
    assert (both - alone).abs().max() > 1e-4


def test_reading_is_attention_over_all_pixels_of_all_frames(network) -> None:
    """Against the equation, pixel by pixel, on what the parts of the network give."""
    frames, masks = _video(frames=4, objects=1)
    with torch.no_grad():
        memories = [network.memorize(frames[:, index], masks) for index in range(3)]
        fine, middle, coarse = network.query_encoder(frames[:, 3])
        query, own = network.query_projection(coarse)
        read = torch.zeros_like(own)
        for y in range(query.shape[2]):
            for x in range(query.shape[3]):
                read[0, :, y, x] = _read_one(query[0, :, y, x], memories)
        pair = network.decoder(torch.cat((own, read), dim=1), middle, fine)
        log_odds = torch.nn.functional.interpolate(
            pair[:, 1:] - pair[:, :1], size=(48, 64), mode="bilinear"
        )
        logits = network.segment(frames[:, 3], memories)
    torch.testing.assert_close(logits[:, 1:], log_odds, atol=1e-5, rtol=1e-5)


def _read_one(query: Tensor, memories: list) -> Tensor:
    keys = [memory.key[0, 0, :, 0, y, x] for memory in memories for y in range(3) for x in range(4)]
    values = [
        memory.value[0, 0, :, 0, y, x] for memory in memories for y in range(3) for x in range(4)
    ]
    weights = torch.stack([(query @ key) / 128**0.5 for key in keys]).softmax(dim=0)
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def test_merged_probabilities_are_those_of_the_equation() -> None:
    probabilities = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    background = (1 - probabilities).prod(dim=1, keepdim=True)
    every = torch.cat((background, probabilities), dim=1)
    odds = every / (1 - every)
    expected = odds / odds.sum(dim=1, keepdim=True)
    merged = merge_objects(torch.logit(probabilities)).softmax(dim=1)
    torch.testing.assert_close(merged, expected)


def test_merging_stays_finite_where_all_is_certain() -> None:
    log_odds = torch.tensor([-200.0, -200, 200, 200, -200, 200]).reshape(1, 2, 1, 3)
    log_odds.requires_grad_()
    logits = merge_objects(log_odds)
    logits.log_softmax(dim=1).sum().backward()
    assert logits.isfinite().all()
    assert log_odds.grad.isfinite().all()


def test_the_memory_keeps_every_nth_frame_and_the_latest(network) -> None:
    frames, masks = _video(frames=4, objects=1)
    with torch.no_grad():
        every_second = network(frames, masks, memorize_every=2)
        one, two = (every_second[:, index].softmax(dim=1)[:, 1:] for index in (0, 1))
        memories = [
            network.memorize(frames[:, index], known)
            for index, known in enumerate((masks, one, two))
        ]
        without_the_second = network.segment(frames[:, 3], [memories[0], memories[2]])
        with_all = network.segment(frames[:, 3], memories)
        every = network(frames, masks)
    torch.testing.assert_close(every_second[:, 2], without_the_second)
    torch.testing.assert_close(every[:, 2], with_all)
    assert not torch.allclose(with_all, without_the_second)


def test_batch_norms_are_disabled_in_training() -> None:
    network = SpaceTimeMemory().train()
    before = network.query_encoder.bn1.running_mean.clone()
    frames, masks = _video(frames=2)
    network(frames + 5, masks)
    assert torch.equal(network.query_encoder.bn1.running_mean, before)


def test_batch_norms_of_several_processes_are_disabled_as_well() -> None:
    network = nn.SyncBatchNorm.convert_sync_batchnorm(SpaceTimeMemory(width=2)).train()
    norms = [module for module in network.modules() if isinstance(module, nn.SyncBatchNorm)]
    assert norms
    assert not any(norm.training for norm in norms)


def test_a_narrow_network_has_all_channels_in_proportion() -> None:
    wide, narrow = SpaceTimeMemory(), SpaceTimeMemory(width=16)
    pairs = zip(wide.named_parameters(), narrow.named_parameters(), strict=True)
    fixed = (1, 2, 3)  # a mask's or a frame's channels, or the answer's two
    for (name, one), (other, quarter) in pairs:
        assert name == other
        for n, m in zip(one.shape[:2], quarter.shape[:2], strict=True):
            assert m == n if n in fixed else 4 * m == n, name
    frames, masks = _video()
    with torch.no_grad():
        assert narrow(frames, masks).shape == (1, 2, 3, 48, 64)


@pytest.mark.parametrize(
    ("frames", "masks", "every", "sentence"),
    [
        ((1, 1, 3, 32, 32), (1, 1, 32, 32), 1, r"at least two frames .* got 1 x 1 x 3 x 32 x 32"),
        ((1, 3, 32, 32), (1, 1, 32, 32), 1, r"frames must be B x T x 3 x H x W"),
        ((1, 2, 3, 32, 32), (1, 0, 32, 32), 1, r"at least one object; got 1 x 0 x 32 x 32"),
        ((1, 2, 3, 32, 32), (1, 1, 32, 30), 1, r"here 1 x objects x 32 x 32 .* 1 x 1 x 32 x 30"),
        ((1, 2, 3, 32, 32), (1, 1, 32, 32), 0, r"memorize_every must be at least 1; got 0"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(network, frames, masks, every, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        network(torch.zeros(frames), torch.zeros(masks), memorize_every=every)
