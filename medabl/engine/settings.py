"""The plain settings of a run: one typed model, checked before a file is written."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from medabl.mistakes import mistakes
from medabl.task import Task


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _ids(value: Any) -> Any:
    """Ids in one text, separated by commas, as a list; a number as it is."""
    try:
        float(value)
    except (TypeError, ValueError):
        return value.split(",") if isinstance(value, str) else value
    return value


def _row(value: Any) -> Any:
    """As overrides are meant: numbers in one text as a list, a word alone in a list by itself."""
    if isinstance(value, str) and "," in value:
        return value.split(",")
    alone = isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)
    return value[0] if alone else value


Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
_MOST_NAMES = 20

Index = Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
Number = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
Length = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """What a user sets of a run; ``configs/wmh.yaml`` gives every key its published value.

    The fields' descriptions say what each is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    task: Task = Field(description="what is segmented: classes, label values, key metric")
    data: Path | None = Field(description="folder with the subjects")
    run_dir: Path | None = Field(description="folder of this run")
    method: Name = Field(description="one of the keys of `methods`")
    modalities: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="images to use, in channel order"
    )
    mask_name: Name | None = Field(
        description="name of the mask file, where the layout leaves it open"
    )
    seed: Index = Field(description="initial weights, order and augmentation")
    validation: Annotated[Number, Field(gt=0)] | Literal["official"] = Field(
        description="subjects that validate, or their share below 1; official: the data set's own"
    )
    test: Annotated[
        Annotated[Number, Field(gt=0)] | tuple[Name, ...] | None, BeforeValidator(_ids)
    ] = Field(
        description="subjects kept for a test: their number, their share below 1, or their ids"
    )
    folds: Annotated[Count, Field(ge=2)] | None = Field(description="number of folds")
    fold: Index = Field(description="which fold validates")
    split: Path | None = Field(description="JSON file with train, val and perhaps test")
    split_seed: Index = Field(description="seed of the split")
    group_by: int | Name = Field(description="what makes scans one patient's")
    slice_axis: Literal["axial", "coronal", "sagittal"] = Field(
        description="anatomical plane of the slices"
    )
    image_size: Annotated[tuple[Count, ...], Field(min_length=2, max_length=3)] = Field(
        description="size of what the network sees, a slice or a 3D patch, in voxels"
    )
    spacing: Annotated[tuple[Length, ...] | Literal["meta"] | None, BeforeValidator(_row)] = Field(
        description="distances: null in pixels, meta in mm by each slice's pixel size; 3D: voxel"
        " size that volumes are brought to, in mm, slices last"
    )
    patches_per_volume: Count | None = Field(
        description="3D: patches drawn from each volume in an epoch"
    )
    crop_to_head: bool = Field(description="crop volumes to the head before they are resized")
    normalize: bool = Field(description="each image to mean 0 and sd 1 over its nonzero voxels")
    augment: bool = Field(description="change training samples at random, anew in every epoch")
    lesion_slices_only: bool = Field(description="do not train on slices without foreground")
    width: Count = Field(description="channels of the network's first level")
    epochs: Count = Field(description="number of epochs")
    slices_per_epoch: Count | None = Field(description="samples of an epoch; null: each once")
    batch_size: Count = Field(description="samples of a step")
    learning_rate: Annotated[Number, Field(gt=0)] = Field(description="at the start")
    betas: tuple[Annotated[Share, Field(lt=1)], Annotated[Share, Field(lt=1)]] = Field(
        description="two numbers, of Adam"
    )
    lr_schedule: Literal["plateau", "cosine", "poly", "constant"] = Field(
        description="how the learning rate falls"
    )
    strategy: Literal["rebalance", "increase", "released", "constant"] = Field(
        description="how region and boundary loss are weighted"
    )
    alpha_start: Share = Field(description="weight of the region loss in the first epoch")
    alpha_end: Share = Field(description="weight of the region loss in the last epoch")
    device: Name = Field(description="auto, cpu, cuda, cuda:N or mps")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        description="of the network; losses are always taken in float32"
    )
    num_workers: Index | Literal["auto"] = Field(description="processes that load data")
    cache_dir: Path | None = Field(description="keeps preprocessed volumes from run to run")
    tensorboard: bool = Field(description="log to TensorBoard as well")
    mlflow: bool = Field(description="log to MLflow as well")

    @property
    def channels(self) -> int:
        """Channels of the network's input: one a modality, and three of ``rgb``."""
        return sum(3 if name == "rgb" else 1 for name in self.modalities)

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        problems = []
        if len(set(self.modalities)) < len(self.modalities):
            problems.append(f"modalities must be different names, got {','.join(self.modalities)}")
        if len(self.image_size) != self.task.spatial_dims:
            problems.append(
                f"image_size needs {self.task.spatial_dims} numbers for a task of"
                f" {self.task.spatial_dims} spatial dimensions, got {len(self.image_size)}"
            )
        if self.task.spatial_dims == 2 and self.patches_per_volume is not None:
            problems.append("patches_per_volume is for tasks of 3 spatial dimensions; leave it out")
        if self.task.spatial_dims == 2 and self.spacing not in (None, "meta"):
            problems.append(
                "spacing in mm is for tasks of 3 spatial dimensions; leave it out, or say"
                " spacing=meta for distances in mm by the pixel size of each slice"
            )
        if self.spacing == "meta" and self.task.images not in (None, "scans"):
            problems.append(f"spacing=meta is for scans: {self.task.images} have no size in mm")
        if (
            self.task.spatial_dims == 3
            and isinstance(self.spacing, tuple)
            and len(self.spacing) != 3
        ):
            problems.append(
                f"spacing needs 3 numbers, slices last, such as 1,1,3; got {len(self.spacing)}"
            )
        if self.task.spatial_dims == 3 and self.spacing == "meta":
            problems.append(
                "spacing=meta is for tasks of 2 spatial dimensions; give the voxel size in mm that"
                " volumes are brought to, such as spacing=1,1,3"
            )
        if self.folds is not None and self.fold >= self.folds:
            problems.append(f"fold must be below folds={self.folds}, got {self.fold}")
        if self.folds is not None and self.split is not None:
            problems.append("give either folds or split: a split file says who validates")
        if self.strategy == "constant" and self.alpha_start == 1:
            problems.append(
                "strategy=constant weights the boundary loss by 1 - alpha_start, which is nothing"
                " at alpha_start=1; set alpha_start below 1"
            )
        if self.strategy == "released" and (self.alpha_start, self.alpha_end) != (1, 0.01):
            problems.append(
                "strategy=released has weights of its own: leave alpha_start and alpha_end out"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self


def check_settings(values: Mapping[str, Any]) -> tuple[Settings | None, list[str]]:
    """Read settings.

    Args:
        values: key -> value, as from YAML.

    Returns:
        the settings, None if something is wrong; and all that is wrong, a sentence each.
    """
    try:
        return Settings.model_validate(dict(values)), []
    except ValidationError as error:
        return None, [_sentence(*mistake) for mistake in mistakes(error.errors()).items()]


def closest(name: str, known: Iterable[str]) -> str:
    """``did you mean ...?``, or what there is, for a name that is not known."""
    known = list(known)
    if not known:
        return "there are none."
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"did you mean {', '.join(close)}?"
    return f"there are {', '.join(known[:_MOST_NAMES])}{', ...' * (len(known) > _MOST_NAMES)}."


def _sentence(where: str, mistake: str) -> str:
    key = where.partition("::")[0]
    if not where:
        return f"{mistake.removeprefix(': ')}."
    if mistake.strip() == "is missing" and where == key:
        return f"The config lacks {where!r}: begin with wmh.yaml, which has every key."
    if mistake.endswith("is not known"):
        return f"{where} is no setting of a task."
    return f"{where}{mistake} ({Settings.model_fields[key].description})."
