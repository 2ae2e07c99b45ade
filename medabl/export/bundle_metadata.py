"""The ``metadata.json`` of a MONAI Bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from medabl import __version__
from medabl.task import Task

_SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/"
    "meta_schema_20240725.json"
)


def bundle_metadata(
    task: Task,
    modalities: Sequence[str],
    spatial_shape: Sequence[int],
    label: str,
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """What MONAI's specification of a bundle asks for.

    Args:
        task: the classes.
        modalities: the channels of the input.
        spatial_shape: of the network's input.
        label: what the network was trained with.
        metrics: of its evaluation, by name.
    """
    tensor = {
        "type": "image",
        "spatial_shape": list(spatial_shape),
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": task.spatial_dims == 3,
        "modality": "MR",
    }
    classes = _numbered(task.classes)
    described = ", ".join(f"{number} {name}" for number, name in classes.items())
    return {
        "schema": _SCHEMA,
        "version": "0.1.0",
        "changelog": {"0.1.0": "first version"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").partition("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {
            name: version(name) for name in ("pytorch-ignite", "nibabel")
        },
        "task": f"Segmentation of {', '.join(task.evaluated)} ({task.name})",
        "description": f"A network trained with {label} by medabl {__version__}.",
        "authors": "made with medabl",
        "copyright": "the weights belong to whoever trained them; the configs are Apache-2.0",
        "data_source": "the data of the run that the bundle was made from",
        "data_type": "nibabel",
        "image_classes": ", ".join(modalities),
        "label_classes": task.describe_labels(),
        "pred_classes": described,
        "eval_metrics": dict(metrics),
        "intended_use": "research, not diagnosis",
        "network_data_format": {
            "inputs": {
                "image": {
                    **tensor,
                    "format": "magnitude",
                    "num_channels": len(modalities),
                    "channel_def": _numbered(modalities),
                }
            },
            "outputs": {
                "pred": {
                    **tensor,
                    "format": "labels",
                    "num_channels": len(classes),
                    "channel_def": classes,
                }
            },
        },
    }


def _numbered(names: Sequence[str]) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names)}
