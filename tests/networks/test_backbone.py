"""Networks that begin with a backbone trained on ImageNet."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from medabl.errors import InputError
from medabl.networks import DeepLabV3ResNet50, HRNetFCN, KervadecUNet, load_backbone


def saved(state: dict[str, torch.Tensor], path: Path) -> Path:
    torch.save(state, path)
    return path


def test_resnets_weights_become_those_of_deeplabs_backbone(tmp_path: Path) -> None:
    source = DeepLabV3ResNet50(2).backbone
    state = {**source.state_dict(), "fc.weight": torch.zeros(1000, 2048)}
    network = DeepLabV3ResNet50(3)
    heads = {key: value.clone() for key, value in network.classifier.state_dict().items()}
    load_backbone(network, saved(state, tmp_path / "resnet50.pth"))
    for key, value in source.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[key], value)
    for key, value in network.classifier.state_dict().items():
        assert torch.equal(heads[key], value)


def test_hrnets_file_has_a_classifier_and_no_segmenting_head(tmp_path: Path) -> None:
    source = HRNetFCN(2).state_dict()
    state = {k: v for k, v in source.items() if not k.startswith("last_layer")}
    state["classifier.weight"] = torch.zeros(1000, 2048)
    state["incre_modules.0.0.conv1.weight"] = torch.zeros(1)
    network = HRNetFCN(2)
    head = network.last_layer[0].weight.detach().clone()
    load_backbone(network, saved(state, tmp_path / "hrnet.pth"))
    assert torch.equal(network.conv1.weight, source["conv1.weight"])
    assert torch.equal(network.last_layer[0].weight, head)


def test_without_a_file_nothing_is_loaded_and_another_networks_file_is_refused(
    tmp_path: Path,
) -> None:
    network = HRNetFCN(2)
    before = network.conv1.weight.detach().clone()
    load_backbone(network, None)
    assert torch.equal(network.conv1.weight, before)
    path = saved(nn.Conv2d(3, 4, 1).state_dict(), tmp_path / "other.pth")
    with pytest.raises(InputError, match="architecture"):
        load_backbone(network, path)
    with pytest.raises(ValueError, match="KervadecUNet has no backbone"):
        load_backbone(KervadecUNet(1, 2, width=2), path)
