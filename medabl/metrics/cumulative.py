"""What medabl's MONAI metrics share: the lesion channel, the spacing, means without NaN."""

from __future__ import annotations

from collections.abc import Sequence

from monai.data.meta_tensor import MetaTensor
from monai.metrics import CumulativeIterationMetric
from torch import Tensor


class NamedMetric(CumulativeIterationMetric):
    """A MONAI metric with one or several named values for each sample.

    The buffer is N x (number of names), NaN where a value is not defined. `aggregate` leaves NaN
    out of the means; `count_nan` tells how many there were.

    Args:
        names: the values' names, the columns of the buffer.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    def aggregate(self) -> Tensor | dict[str, float]:
        """Mean of each name over the samples where it is defined, NaN where it never is.

        Returns:
            a scalar tensor for one name; for several a dict, from which Ignite makes one metric
            for each name.
        """
        means = self._rows().nanmean(dim=0)
        if len(self.names) == 1:
            return means[0]
        return dict(zip(self.names, means.tolist(), strict=True))

    def count_nan(self) -> dict[str, int]:
        """In how many samples each name is not defined."""
        return dict(zip(self.names, self._rows().isnan().sum(0).tolist(), strict=True))

    def _rows(self) -> Tensor:
        rows = self.get_buffer()
        if rows is None:
            raise ValueError(f"{type(self).__name__} has seen no sample yet; call it first.")
        return rows


def plain(batch: Tensor) -> Tensor:
    """The tensor without MONAI's metadata, which no number of a metric carries on."""
    return batch.as_tensor() if isinstance(batch, MetaTensor) else batch


def lesion_channel(batch: Tensor, name: str) -> Tensor:
    """The lesion masks of a batch.

    Args:
        batch: B x 1 x ... class indices (lesion = 1), or B x C x ... one-hot (lesion = channel 1).
        name: what an error calls it.

    Returns:
        B x ... bool.

    Raises:
        ValueError: if there is no channel axis followed by spatial axes.
    """
    if batch.ndim < 4:
        raise ValueError(
            f"{name} must be B x C x H x W [x D], channel first, got shape {tuple(batch.shape)}."
        )
    batch = plain(batch)
    if batch.shape[1] == 1:
        label = batch[:, 0]
        return (label >= 0.5) & (label < 1.5) if label.is_floating_point() else label == 1
    return batch[:, 1] > 0.5


def reference_labels(batch: Tensor) -> Tensor:
    """The label maps of a batch of references.

    Args:
        batch: B x 1 x ... class indices, or B x C x ... one-hot.

    Returns:
        B x ...
    """
    batch = plain(batch)
    return batch[:, 0] if batch.shape[1] == 1 else batch.float().argmax(dim=1)


def chosen_names(metrics: str | Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The metrics asked for: one, some, or with None all that are known.

    Raises:
        ValueError: if one is not known.
    """
    names = (metrics,) if isinstance(metrics, str) else tuple(known if metrics is None else metrics)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(f"metrics must be among {', '.join(known)}, got {metrics!r}.")
    return names


def check_pair(y_pred: Tensor, y: Tensor | None) -> Tensor:
    """The reference `y`, if it is there and matches `y_pred` in all but the number of channels.

    Raises:
        ValueError: if it does not.
    """
    if y is None or y_pred.shape[:1] + y_pred.shape[2:] != y.shape[:1] + y.shape[2:]:
        raise ValueError(
            "y_pred and y must have one batch size and spatial shape, got "
            f"{tuple(y_pred.shape)} and {None if y is None else tuple(y.shape)}."
        )
    return y


def spacing_of(y: Tensor, spacing: Sequence[float] | None) -> list[Sequence[float]]:
    """Voxel sizes of each sample of a batch.

    Args:
        y: B x C x ... reference.
        spacing: voxel sizes for all samples; without them those of the `MetaTensor`'s affine.

    Raises:
        ValueError: if neither is there: a distance in mm cannot be guessed.
    """
    if spacing is not None:
        return [spacing] * len(y)
    if not isinstance(y, MetaTensor):
        raise ValueError(
            "spacing is missing: give the metric spacing=(...) in mm, or pass y as a MetaTensor."
        )
    dims = y.ndim - 2
    # One affine for all samples or, from MONAI's collation, one for each.
    affines = plain(y.affine).reshape(-1, *y.affine.shape[-2:])
    sizes = affines[:, :-1, :dims].double().norm(dim=1)
    return [tuple(row) for row in sizes.expand(len(y), dims).tolist()]
