from pathlib import Path

import pytest
import torch
import yaml
from monai.bundle import ConfigParser

from medabl.engine import load_config, parse_overrides
from medabl.errors import InputError


def test_later_files_and_overrides_win(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("epochs: 7\nwidth: 4\n")
    config = load_config(["wmh.yaml", mine], {"width": 6, "optimizer::lr": 0.5})
    assert (config["epochs"], config["width"], config["optimizer"]["lr"]) == (7, 6, 0.5)


@pytest.mark.parametrize("key", ["optimizer::weight_decay", "optimizer.weight_decay"])
def test_a_component_takes_new_arguments(key: str) -> None:
    assert load_config(["wmh.yaml"], {key: 0.1})["optimizer"]["weight_decay"] == 0.1


def test_a_misspelt_key_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match=r"no key 'epoch'; did you mean epochs"):
        load_config(["wmh.yaml"], {"epoch": 3})


def test_values_are_yaml_and_lists_may_be_written_with_commas() -> None:
    values = parse_overrides(["epochs=3", "learning_rate=1e-4", "modalities=flair", "folds=null"])
    assert values == {"epochs": 3, "learning_rate": 1e-4, "modalities": "flair", "folds": None}
    config = load_config(["wmh.yaml"], {**values, "image_size": "64,32"})
    assert config["modalities"] == ["flair"]
    assert config["image_size"] == [64, 32]


@pytest.mark.parametrize("text", ["epochs", "=3"])
def test_no_override(text: str) -> None:
    with pytest.raises(InputError, match="key=value"):
        parse_overrides([text])


def test_a_missing_or_broken_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        load_config(["nowhere.yaml"], {})
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1")
    with pytest.raises(InputError, match=r"broken\.yaml"):
        load_config([broken], {})


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config(["wmh.yaml"], {"data": "x"})["data"] == str(tmp_path / "x")


def test_the_paper_config_holds_the_published_protocol() -> None:
    """Kervadec et al. 2021 and Wang et al. 2022, as far as a config says it."""
    parser = ConfigParser(load_config(["wmh.yaml"], {"device": "cpu"}))
    network = parser.get_parsed_content("network")
    assert sum(p.numel() for p in network.parameters()) == 18_703_127
    optimizer = parser.get_parsed_content("optimizer")
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.defaults["lr"] == 1e-3
    assert tuple(optimizer.defaults["betas"]) == (0.9, 0.99)
    plateau = parser.get_parsed_content("lr_scheduler")
    assert (plateau.factor, plateau.patience, plateau.mode) == (0.5, 20, "max")
    assert parser["epochs"] == 100
    assert parser["batch_size"] == 8
    assert parser["image_size"] == [256, 256]
    assert parser.get_parsed_content("augmentation") == []
    loss = parser.get_parsed_content("loss")
    alphas = []
    for epoch in range(100):
        loss.set_epoch(epoch)
        alphas.append(float(loss.alpha))
    torch.testing.assert_close(alphas, torch.linspace(1, 0.01, 100).tolist(), atol=1e-6, rtol=0)


def test_every_packaged_yaml_is_valid() -> None:
    for path in (Path(__file__).parents[2] / "configs").glob("*.yaml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_paths_are_taken_as_they_are_written(tmp_path: Path) -> None:
    """YAML would read these folders as numbers."""
    values = parse_overrides(["run_dir=20260101", "data=1e3", "split=null"])
    assert values == {"run_dir": "20260101", "data": "1e3", "split": None}


def test_a_value_that_is_no_yaml_is_named() -> None:
    with pytest.raises(InputError, match=r"'epochs=\{3' is not YAML"):
        parse_overrides(["epochs={3"])


def test_a_file_brings_along_those_it_is_laid_over(tmp_path: Path) -> None:
    below = tmp_path / "below.yaml"
    below.write_text("laid_over: wmh.yaml\nepochs: 7\nwidth: 3\n")
    above = tmp_path / "above.yaml"
    above.write_text(f"laid_over: [{below}]\nwidth: 5\n")
    config = load_config([above], {})
    assert [config[key] for key in ("epochs", "width", "batch_size")] == [7, 5, 8]
    assert load_config([below, above], {}) == config
    assert "laid_over" not in config


def test_a_file_that_is_laid_over_itself_or_over_nothing_is_named(tmp_path: Path) -> None:
    circle = tmp_path / "circle.yaml"
    circle.write_text(f"laid_over: {circle}\n")
    with pytest.raises(InputError, match=r"circle\.yaml is laid over itself"):
        load_config([circle], {})
    circle.write_text("laid_over: nowhere.yaml\n")
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        load_config([circle], {})
