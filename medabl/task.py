"""What is segmented: said once, read by training, prediction, evaluation and report."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, model_validator

IGNORED = 255
"""In place of a channel: a voxel that counts nowhere."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 +.-]*")


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("must begin with a letter or digit and go on with those, spaces, + . or -")
    return name


ClassName = Annotated[str, AfterValidator(_check_name)]


class Task(BaseModel):
    """Classes, the values that stand for them in label files, and what decides which epoch is best.

    Attributes:
        name: what the task is called.
        classes: names of the network's output channels, the background first.
        labels: value in a label file -> name. A name that is no class (the WMH challenge's "other
            pathology") is a valid value and counts as background.
        evaluated: the classes that are evaluated; by default all but the background.
        ignored: names in `labels` whose voxels count neither in a loss nor in a metric of pictures
            (the void of Cityscapes); the metrics of scans know no such voxels.
        images: what it segments: scans, pictures or videos; None: not said, and not checked.
        layout: the data set whose values `labels` are, by the name of its layout on disk
            (Cityscapes); None: not said, and not checked.
        spatial_dims: 2 (slices) or 3 (volumes and patches).
        key_metric: the validation metric that decides which epoch is best.
        higher_is_better: its direction.

    Raises:
        pydantic.ValidationError: if the parts contradict each other.

    Example:
        >>> brain = Task(name="brain", classes=["background", "grey", "white"], spatial_dims=3,
        ...              labels={0: "background", 1: "grey", 2: "white"}, key_metric="val_dsc")
        >>> brain.evaluated, brain.class_of_label
        (('grey', 'white'), {0: 0, 1: 1, 2: 2})
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    classes: Annotated[tuple[ClassName, ...], Field(min_length=2)]
    labels: Annotated[dict[Annotated[int, Field(ge=0, le=255)], str], Field(min_length=2)]
    # Run folders and checkpoints written before it had this name say "judged".
    evaluated: Annotated[
        tuple[str, ...], Field(validation_alias=AliasChoices("evaluated", "judged"))
    ] = ()
    ignored: tuple[str, ...] = ()
    images: Literal["scans", "pictures", "videos"] | None = None
    layout: str | None = None
    spatial_dims: Literal[2, 3] = 2
    key_metric: str = "val_slice_dsc"
    higher_is_better: bool = True

    @model_validator(mode="after")
    def _agree(self) -> Task:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must have different names, got {list(self.classes)}")
        names = list(self.labels.values())
        unlabelled = [name for name in self.classes if names.count(name) != 1]
        if unlabelled:
            raise ValueError(
                f"each class must have one value in labels; {unlabelled[0]!r} has"
                f" {names.count(unlabelled[0])}"
            )
        if not self.evaluated:
            object.__setattr__(self, "evaluated", self.classes[1:])
        unknown = [name for name in self.evaluated if name not in self.classes[1:]]
        if unknown:
            raise ValueError(
                f"evaluated must be of the classes {', '.join(self.classes[1:])};"
                f" got {unknown[0]!r}"
            )
        for name in self.ignored:
            if name not in names or name in self.classes:
                raise ValueError(f"ignored names {name!r}, which must be in labels and no class")
        return self

    @property
    def ignore_index(self) -> int | None:
        """What stands for an ignored voxel among the channels; None if no label is ignored."""
        return IGNORED if self.ignored else None

    @property
    def evaluated_channels(self) -> tuple[int, ...]:
        """The channels of the evaluated classes, in their order."""
        return tuple(self.classes.index(name) for name in self.evaluated)

    @property
    def class_of_label(self) -> dict[int, int]:
        """Value in a label file -> channel, `IGNORED` for an ignored name."""
        return {value: self._channel(name) for value, name in self.labels.items()}

    def _channel(self, name: str) -> int:
        if name in self.ignored:
            return IGNORED
        return self.classes.index(name) if name in self.classes else 0

    def to_classes(self, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Channels in place of the values of a label file, `IGNORED` where one is ignored.

        Args:
            labels: any shape, values among the keys of `labels`.

        Returns:
            uint8 of the same shape.
        """
        table = np.zeros(256, np.uint8)
        for value, channel in self.class_of_label.items():
            table[value] = channel
        return table[labels]

    def to_labels(self, classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The values of a label file in place of channels.

        Args:
            classes: any shape, values below the number of classes.

        Returns:
            uint8 of the same shape.
        """
        value_of = {name: value for value, name in self.labels.items()}
        table = np.array([value_of[name] for name in self.classes], np.uint8)
        return table[classes]

    def describe_labels(self) -> str:
        """The values a mask may hold, in words: ``0 (background), 1 (lesion)``."""
        return ", ".join(f"{value} ({name})" for value, name in sorted(self.labels.items()))


WMH = Task(
    name="wmh",
    classes=("background", "lesion"),
    labels={0: "background", 1: "lesion", 2: "other pathology"},
)
"""The WMH Segmentation Challenge's task: label 2 is background (Kervadec et al. 2021)."""
