"""The configs of a MONAI Bundle: inference and evaluation by MONAI alone, training by medabl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medabl.export.monai_recipe import Config, monai_preprocessing
from medabl.task import Task

_IMPORTS = [f"$import {name}" for name in ("itertools", "pathlib", "torch")]
_OF_THIS_MACHINE = ("data", "run_dir", "cache_dir", "split")


def inference_config(recipe: Mapping[str, Any], task: Task) -> Config:
    """From scans to masks, as `medabl predict` makes them.

    Args:
        recipe: of the checkpoint.
        task: what the classes are.
    """
    return {
        "imports": _IMPORTS,
        "bundle_root": ".",
        "dataset_dir": ".",
        "output_dir": "$@bundle_root + '/predictions'",
        "image_names": [f"{modality.upper()}.nii.gz" for modality in recipe["modalities"]],
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "folders": "$sorted(path.parent for path in"
        " pathlib.Path(@dataset_dir).rglob(@image_names[0]))",
        "data": "$[{'image': [str(folder / name) for name in names]}"
        " for folder, names in zip(@folders, itertools.repeat(@image_names))]",
        "network": "$torch.jit.load(@bundle_root + '/models/model.ts', map_location=@device)",
        "preprocessing": monai_preprocessing(recipe),
        "dataset": {"_target_": "Dataset", "data": "@data", "transform": "@preprocessing"},
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1},
        "inferer": recipe["volume_inferer"],
        "postprocessing": _compose([*_classes(), *_values(task), _save()]),
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
        },
        "run": ["$@evaluator.run()"],
    }


def evaluation_config(task: Task) -> Config:
    """Laid over the inference config: Dice of each scan against its mask, in a CSV.

    Args:
        task: what the labels are.
    """
    dice = {
        "_target_": "MeanDice",
        "include_background": False,
        "output_transform": "$monai.handlers.from_engine(['pred', 'label'])",
    }
    saver = {
        "_target_": "MetricsSaver",
        "save_dir": "@output_dir",
        "metrics": ["mean_dice"],
        "metric_details": ["mean_dice"],
        "batch_transform": "$lambda batch: [item['image'].meta for item in batch]",
    }
    table = task.class_of_label
    return {
        "imports": [*_IMPORTS, "$import monai.handlers"],
        "label_name": "wmh.nii.gz",
        "data": "$[{'image': [str(folder / name) for name in names],"
        " 'label': str(folder.parent / label)} for folder, names, label in"
        " zip(@folders, itertools.repeat(@image_names), itertools.repeat(@label_name))]",
        "label_loading": [
            {"_target_": "LoadImaged", "keys": "label", "ensure_channel_first": True},
            {
                "_target_": "MapLabelValued",
                "keys": "label",
                "orig_labels": list(table),
                "target_labels": list(table.values()),
            },
        ],
        "dataset#transform": _compose("$[@preprocessing] + @label_loading"),
        "postprocessing": _compose(
            [
                *_classes(),
                {
                    "_target_": "AsDiscreted",
                    "keys": ["pred", "label"],
                    "to_onehot": len(task.classes),
                },
            ]
        ),
        "evaluator#key_val_metric": {"mean_dice": dice},
        "evaluator#val_handlers": [
            {"_target_": "StatsHandler", "iteration_log": False},
            saver,
        ],
    }


def training_config(config: Mapping[str, Any]) -> Config:
    """The run's own settings and wiring, without the paths of the machine that it ran on.

    Args:
        config: of the run.
    """
    return {key: None if key in _OF_THIS_MACHINE else value for key, value in config.items()}


def _compose(transforms: Sequence[Config] | str) -> Config:
    return {"_target_": "Compose", "transforms": transforms}


def _classes() -> list[Config]:
    """Probabilities, not the mask, go back to the scan's grid; outside it is background."""
    return [
        {"_target_": "Activationsd", "keys": "pred", "softmax": True},
        {"_target_": "Lambdad", "keys": "pred", "func": "$lambda p: p[1:]"},
        {
            "_target_": "Invertd",
            "keys": "pred",
            "transform": "@preprocessing",
            "orig_keys": "image",
            "nearest_interp": False,
        },
        {
            "_target_": "Lambdad",
            "keys": "pred",
            "func": "$lambda p: torch.cat([1 - p.sum(0, keepdim=True), p]).argmax(0, keepdim=True)",
        },
    ]


def _values(task: Task) -> list[Config]:
    """The values of a label file, where they are not the classes' numbers."""
    value_of = {name: value for value, name in task.labels.items()}
    values = [value_of[name] for name in task.classes]
    if values == list(range(len(values))):
        return []
    return [
        {
            "_target_": "MapLabelValued",
            "keys": "pred",
            "orig_labels": list(range(len(values))),
            "target_labels": values,
        }
    ]


def _save() -> Config:
    return {
        "_target_": "SaveImaged",
        "keys": "pred",
        "output_dir": "@output_dir",
        "data_root_dir": "@dataset_dir",
        "output_postfix": "mask",
        "output_dtype": "uint8",
        # The mask is on the scan's grid already; but where the first two axes of a scan are not X
        # and Y, MONAI 1.6 saves only what it may resample.
        "resample": True,
        "mode": "nearest",
        "separate_folder": False,
    }
