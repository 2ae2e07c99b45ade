"""Videos segmented and evaluated: J and F as DAVIS has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from torch import Tensor, nn

from medabl.data import Subject, VideoDataset, masked_frames
from medabl.engine.video import first_masks
from medabl.files import atomic_path
from medabl.metrics import davis_metrics, davis_statistics
from medabl.palette import write_mask
from medabl.runs import RunFolder, load_checkpoint


@dataclass(frozen=True)
class VideoEvaluation:
    """Segments videos from the masks of their first frames and evaluates that.

    Its tables have the columns metric (``j_mean``, ``j_recall``, ``j_decay``, ``f_mean``, ...),
    class (``<video>/<object>``; ``all``: the mean over all objects of all videos) and value.

    Attributes:
        folder: the run's folder.
        network: a `SpaceTimeMemory`.
        videos: which; their image and label are folders.
        objects: 1: a video's objects are one; more: each by its number.
        memorize_every: n: every n-th frame stays in the memory.
        device: where to compute.
    """

    folder: RunFolder
    network: nn.Module
    videos: Sequence[Subject]
    objects: int
    memorize_every: int
    device: torch.device

    def of_start(self) -> None:
        """Evaluate the weights that a training begins with: once, in ``start_metrics.csv``."""
        if not self.folder.start_metrics.is_file():
            self._evaluate(self.folder.start_metrics, {})

    def of_last_epoch(self) -> None:
        """Evaluate those of the last epoch, in ``natural_metrics.csv``.

        The masks go to ``predictions/last/<video>/<frame>.png``, in DAVIS's format.
        """
        checkpoint = load_checkpoint(self.folder.checkpoint("last"))
        self.network.load_state_dict(checkpoint["network"])
        places = {video.id: self.folder.prediction("last", video.id, "") for video in self.videos}
        self._evaluate(self.folder.natural_metrics, places)

    def _evaluate(self, path: Path, places: Mapping[str, Path]) -> None:
        """Write the scores of all videos, and the masks of those that have a place."""
        console = Console(stderr=True)
        silent = not console.is_terminal
        title = escape(f"{self.folder.path.name}: videos")
        scores = []
        for video in track(self.videos, title, console=console, transient=True, disable=silent):
            found, label, objects = self._segmented(video)
            if video.id in places:
                for mask, (frame, _) in zip(found, masked_frames(video), strict=True):
                    write_mask(places[video.id] / f"{frame.stem}.png", mask)
            scores += _scores(video.id, found, label, objects)
        table = pd.DataFrame(scores)
        means = table.groupby("metric", sort=False)["value"].mean().reset_index()
        whole = pd.concat([means.assign(**{"class": "all"}), table])
        with atomic_path(path) as temporary:
            whole[["metric", "class", "value"]].to_csv(temporary, index=False)

    def _segmented(
        self, video: Subject
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], int]:
        """What was found and what is true, F x H x W, and the number of objects."""
        data = VideoDataset([video], self.objects)[0]
        given = first_masks(data["label"][None])[0].to(self.device)
        frames = data["image"].to(self.device)
        found = segment_video(self.network, frames, given, self.memorize_every)
        return found.cpu().numpy(), data["label"].numpy(), len(given)


@torch.no_grad()
def segment_video(
    network: nn.Module, frames: Tensor, masks: Tensor, memorize_every: int = 5
) -> Tensor:
    """Segment a video from the masks of its first frame.

    Args:
        network: a `SpaceTimeMemory`.
        frames: F x 3 x H x W, normalised.
        masks: objects x H x W of the first frame, 0 or 1.
        memorize_every: n: every n-th frame stays in the memory; Oh et al. (2019) infer with 5.

    Returns:
        F x H x W, 0 for background and 1, 2, ... for the objects; the first frame as given.
    """
    logits = network.eval()(frames[None], masks[None], memorize_every)[0]
    given = (masks * torch.arange(1, len(masks) + 1, device=masks.device)[:, None, None]).amax(0)
    return torch.cat([given[None].long(), logits.argmax(dim=1)]).to(torch.uint8)


def _scores(
    video: str, found: npt.NDArray[np.uint8], label: npt.NDArray[np.uint8], objects: int
) -> list[dict[str, object]]:
    each = np.arange(1, objects + 1)[:, None, None, None]
    scores = davis_metrics(found == each, label == each)
    return [
        {"metric": f"{name}_{statistic}", "class": f"{video}/{number + 1}", "value": value}
        for name, values in scores.items()
        for statistic, of in davis_statistics(values).items()
        for number, value in enumerate(of)
    ]
