"""A run as a MONAI Bundle."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml

from medabl.engine.recipe import read_recipe
from medabl.errors import InputError
from medabl.export.bundle_configs import evaluation_config, inference_config, training_config
from medabl.export.bundle_metadata import bundle_metadata
from medabl.export.bundle_readme import bundle_readme
from medabl.export.network_file import check_onnx_is_installed, write_onnx, write_torchscript
from medabl.files import atomic_path, check_writable, write_json, write_text
from medabl.runs import RunFolder, load_checkpoint
from medabl.runs.folder import Which
from medabl.task import Task


def write_bundle(run: Path, out: Path, which: Which = "best", onnx: bool = False) -> None:
    """Write a MONAI Bundle: metadata, configs, weights, licence, documents.

    Inference and evaluation need MONAI alone; training needs medabl.

    Args:
        run: folder of a run.
        out: folder that is not there yet or empty.
        which: the best or the last epoch.
        onnx: write the network as ONNX, too.

    Raises:
        InputError: if the run is none, its checkpoint holds code instead of a recipe, what it does
            cannot be said in MONAI's components, or `out` cannot be used.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already; give a new folder, or an empty one.")
    if onnx:
        check_onnx_is_installed()
    folder = RunFolder(run)
    info = folder.read_info()
    path = folder.checkpoint(which)
    checkpoint = load_checkpoint(path)
    recipe = checkpoint.get("recipe")
    if recipe is None:
        raise InputError(f"{path} holds expressions instead of plain data; it cannot be bundled.")
    parts = read_recipe(recipe)
    task: Task = parts["segmentation"]
    if task.images in ("pictures", "videos"):
        raise InputError(
            f"{run} is of {task.images}, and bundles are made of runs on scans; {path} works in"
            " medabl predict (pictures) and in Python (medabl.engine.load_predictor,"
            " segment_video)."
        )
    network = parts["network"].eval()
    network.load_state_dict(checkpoint["network"])
    shape = tuple(recipe["volume_inferer"]["roi_size"])
    inference = inference_config(recipe, task)
    check_writable(out)

    input_shape = (len(recipe["modalities"]), *shape)
    (out / "models").mkdir(parents=True, exist_ok=True)
    write_torchscript(network, input_shape, out / "models" / "model.ts")
    if onnx:
        write_onnx(network, input_shape, out / "models" / "model.onnx")
    with atomic_path(out / "models" / "model.pt") as temporary:
        torch.save(checkpoint["network"], temporary)
    metrics = _mean_metrics(folder, which)
    metadata = bundle_metadata(task, recipe["modalities"], shape, info["label"], metrics)
    write_json(out / "configs" / "metadata.json", metadata)
    _write_yaml(out / "configs" / "inference.yaml", inference)
    _write_yaml(out / "configs" / "evaluate.yaml", evaluation_config(task))
    run_config = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    _write_yaml(out / "configs" / "train.yaml", training_config(run_config))
    write_text(out / "docs" / "README.md", bundle_readme(metadata, recipe["modalities"], which))
    write_text(out / "docs" / "license.txt", _licence())


def _mean_metrics(folder: RunFolder, which: Which) -> dict[str, float]:
    """The mean DSC over the subjects that the run was evaluated on, if it was."""
    path = folder.evaluation(which)
    if not path.is_file():
        return {}
    table = pd.read_csv(path)
    means = table.filter(regex="dsc$").mean().dropna()
    return {str(name): round(float(value), 4) for name, value in means.items()}


def _write_yaml(path: Path, config: Mapping[str, Any]) -> None:
    write_text(path, yaml.safe_dump(config, sort_keys=False, width=100, allow_unicode=True))


def _licence() -> str:
    text = distribution("medabl").read_text("licenses/LICENSE")
    return text or "Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0\n"
