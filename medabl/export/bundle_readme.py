"""The document that a bundle carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TEXT = """# {task}

{description} Its weights are those of the {which} epoch.

Input: {channels} (in this order), NIfTI files on one grid with the same affine, in any orientation.
Output: a mask on the grid of the first file ({classes}).
{metrics}
## Inference

MONAI, PyTorch, pytorch-ignite and nibabel are all it needs. In this folder, for every folder below
DATA that holds {files}:

```bash
python -m monai.bundle run --config_file configs/inference.yaml --dataset_dir DATA --output_dir OUT
```

or for one scan: `--data "[{{'image': [{quoted}]}}]"`. `--image_names` gives the files other names.

## Evaluation

With a mask `wmh.nii.gz` (`--label_name`) in the folder above the images', Dice of each scan:

```bash
python -m monai.bundle run --config_file "['configs/inference.yaml','configs/evaluate.yaml']" \\
    --dataset_dir DATA --output_dir OUT
```

## Training

`configs/train.yaml` is the run that made this bundle, and needs medabl:

```bash
python -m monai.bundle run --config_file configs/train.yaml --data DATA --run_dir RUN
```

## Licence

license.txt holds for the configs; the weights belong to whoever trained them. Research software,
not for diagnosis.
"""


def bundle_readme(metadata: Mapping[str, Any], modalities: Sequence[str], which: str) -> str:
    """What the network does and how to run it, in Markdown.

    Args:
        metadata: of the bundle.
        modalities: names of the images, in channel order.
        which: "best" or "last" epoch.
    """
    files = [f"{modality.upper()}.nii.gz" for modality in modalities]
    metrics = metadata["eval_metrics"]
    numbers = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
    return _TEXT.format(
        task=metadata["task"],
        description=metadata["description"],
        which=which,
        channels=", ".join(modalities),
        classes=metadata["pred_classes"],
        metrics=f"\nMeans over the subjects that the run was evaluated on: {numbers}.\n"
        * bool(metrics),
        files=" and ".join(f"`{name}`" for name in files),
        quoted=", ".join(f"'{name}'" for name in files),
    )
