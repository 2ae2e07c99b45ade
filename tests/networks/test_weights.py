from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from medabl.errors import InputError
from medabl.networks import load_weights


def _network(classes: int = 2) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 4, 3),
            norm=nn.BatchNorm2d(4),
            body=nn.Conv2d(4, 4, 3),
            head=nn.Conv2d(4, classes, 1),
        )
    )


def _save(content: object, folder: Path) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path)
    return path


def _equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(here, there) for here, there in pairs)


def _prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.model."])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "network"])
def test_usual_wrappings_are_undone(tmp_path: Path, prefix: str, wrapper: str | None) -> None:
    source, network = _network(), _network()
    state = _prefixed(source.state_dict(), prefix)
    content = state if wrapper is None else {wrapper: state, "epoch": 3, "optimizer": {"lr": 0.1}}
    load_weights(network, _save(content, tmp_path))
    assert _equal(source, network)


def test_a_loss_beside_the_network_is_no_part_of_it(tmp_path: Path) -> None:
    source, network = _network(), _network()
    state = _prefixed(source.state_dict(), "model.") | {"loss.weight": torch.ones(2)}
    load_weights(network, _save(state, tmp_path))
    assert _equal(source, network)


def test_files_from_before_torch_counted_batches_load(tmp_path: Path) -> None:
    source, network = _network(), _network()
    state = source.state_dict()
    del state["norm.num_batches_tracked"]
    load_weights(network, _save(state, tmp_path))
    assert _equal(source, network)


def test_ignored_parts_are_neither_needed_nor_read(tmp_path: Path) -> None:
    source, network = _network(classes=5), _network(classes=2)
    head = network.head.weight.clone()
    state = source.state_dict() | {"fc.weight": torch.ones(3)}
    load_weights(network, _save(state, tmp_path), ignore=["head", "fc"])
    assert torch.equal(network.stem.weight, source.stem.weight)
    assert torch.equal(network.head.weight, head)


def test_one_ignored_part_may_be_given_as_it_is(tmp_path: Path) -> None:
    """A string is a sequence of letters, too: no tensor but the head's may be left out."""
    source, network = _network(classes=5), _network(classes=2)
    load_weights(network, _save(source.state_dict(), tmp_path), ignore="head")
    assert torch.equal(network.body.weight, source.body.weight)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("body.bias"), r"does not fit Sequential: missing body\.bias\."),
        (lambda state: state.update(fc=torch.ones(1)), r"unexpected fc\. Build"),
        (
            lambda state: state.update({"head.weight": torch.ones(7, 4, 1, 1)}),
            r"head\.weight \(7 x 4 x 1 x 1 in the file, 2 x 4 x 1 x 1 in the network\)",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(tmp_path, change, sentence) -> None:
    network = _network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = dict(_network().state_dict())
    change(state)
    with pytest.raises(InputError, match=sentence):
        load_weights(network, _save(state, tmp_path))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_another_architecture_is_called_one(tmp_path: Path) -> None:
    state = {f"encoder.{number}.weight": torch.ones(2) for number in range(9)}
    sentence = (
        r"another architecture than Sequential: 0 of the network's 10 tensors .*"
        r"has stem\.weight.* and 6 more; the file has encoder\.0\.weight.* and 5 more\."
    )
    with pytest.raises(InputError, match=sentence):
        load_weights(_network(), _save(state, tmp_path))


def test_a_file_that_would_run_code_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint of tensors alone"):
        load_weights(_network(), _save(_network(), tmp_path))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lost\.pth is no file"):
        load_weights(_network(), tmp_path / "lost.pth")
    with pytest.raises(InputError, match=r"holds no weights"):
        load_weights(_network(), _save({"epoch": 3}, tmp_path))
    text = tmp_path / "text.pth"
    text.write_text("not a checkpoint")
    with pytest.raises(InputError, match=r"no checkpoint of tensors alone"):
        load_weights(_network(), text)
    (tmp_path / "empty.pth").touch()
    with pytest.raises(InputError, match=r"no checkpoint of tensors alone"):
        load_weights(_network(), tmp_path / "empty.pth")


def test_the_same_network_in_another_width_is_told_by_its_shapes(tmp_path: Path) -> None:
    narrow = {name: tensor[:1] for name, tensor in _network().state_dict().items() if tensor.ndim}
    sentence = r"Of another shape are .* in the file, .* in the network\)"
    with pytest.raises(InputError, match=rf"another architecture than Sequential: .*{sentence}"):
        load_weights(_network(), _save(narrow, tmp_path))
