"""Space-time memory network for video object segmentation."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from medabl.networks.memory_parts import Decoder, MemoryEncoder, Projection
from medabl.networks.resnet import ResNet50

_STAGES = 3


class Memory(NamedTuple):
    """What is remembered of T frames, at a sixteenth of their size.

    Attributes:
        key: B x objects x 128 x T x H/16 x W/16, what a query is compared with.
        value: B x objects x 512 x T x H/16 x W/16, what is read.
    """

    key: Tensor
    value: Tensor


class SpaceTimeMemory(nn.Module):
    """STM (Oh et al. 2019): each pixel of a frame reads from the pixels of segmented frames.

    Two ResNet-50, each without its last stage, map a frame (the query) or a frame with an object's
    mask (the memory) to keys and values. Every query pixel takes the mean of the memory's values,
    weighted by the softmax of how well its key agrees with theirs; a decoder makes a mask of it at
    a quarter of the frame's size. It has 38,925,570 parameters.

    It is written from the paper. As there, the memory encoder sees the mask of the object and that
    of all others, objects are segmented one by one and merged by soft aggregation (their odds
    compete), and batch norms are disabled: in training, too, they use the statistics they have.
    Agreement is the keys' scalar product over the root of their length, as Cheng et al. (2021) say
    of STM.

    Args:
        width: channels of the encoders' first convolution; the published network has 64, and all
            other numbers of channels are in proportion.

    Example:
        >>> network = SpaceTimeMemory().eval()
        >>> frames, masks = torch.zeros(1, 3, 3, 48, 64), torch.zeros(1, 2, 48, 64)
        >>> network(frames, masks).shape  # 2 frames to segment; background and 2 objects
        torch.Size([1, 2, 3, 48, 64])
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.memory_encoder = MemoryEncoder(_STAGES, width)
        self.memory_projection = Projection(width)
        self.query_encoder = ResNet50(_STAGES, width=width)
        self.query_projection = Projection(width)
        self.decoder = Decoder(width)
        self.train()

    def train(self, mode: bool = True) -> SpaceTimeMemory:
        """Set the mode of all modules but the batch norms, which stay as at inference."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, _BatchNorm):  # those of several processes, too
                module.eval()
        return self

    def forward(self, frames: Tensor, masks: Tensor, memorize_every: int = 1) -> Tensor:
        """Segment a video, frame after frame, from the masks of its first frame.

        Args:
            frames: B x T x 3 x H x W, T at least 2.
            masks: B x objects x H x W, those of the first frame, from 0 to 1.
            memorize_every: n: every n-th frame, from the first one on, stays in the memory, beside
                the one before the frame to be segmented. The paper infers with 5.

        Returns:
            logits of the second to the last frame, B x (T - 1) x (1 + objects) x H x W, the
            background first. The masks of their softmax are what is memorised of these frames.

        Raises:
            ValueError: if the shapes are others or do not fit each other.
        """
        _check(frames, masks, memorize_every)
        kept: list[Memory] = []
        predicted = []
        for index in range(frames.shape[1] - 1):
            latest = self.memorize(frames[:, index], masks)
            logits = self.segment(frames[:, index + 1], [*kept, latest])
            predicted.append(logits)
            if index % memorize_every == 0:
                kept.append(latest)
            masks = logits.softmax(dim=1)[:, 1:]
        return torch.stack(predicted, dim=1)

    def memorize(self, frame: Tensor, masks: Tensor) -> Memory:
        """Remember a B x 3 x H x W frame and its B x objects x H x W masks."""
        key, value = self.memory_projection(self.memory_encoder.encode(frame, masks))
        shape = masks.shape[:2]
        return Memory(*(x.unflatten(0, shape).unsqueeze(3) for x in (key, value)))

    def segment(self, frame: Tensor, memories: list[Memory]) -> Tensor:
        """Segment a B x 3 x H x W frame: logits, B x (1 + objects) x H x W, background first."""
        key, value = (torch.cat(parts, dim=3) for parts in zip(*memories, strict=True))
        objects = key.shape[1]
        fine, middle, coarse = (
            x.repeat_interleave(objects, dim=0) for x in self.query_encoder(frame)
        )
        query, own = self.query_projection(coarse)
        read = _read(query, key.flatten(0, 1), value.flatten(0, 1))
        pair = self.decoder(torch.cat((own, read), dim=1), middle, fine)
        pair = F.interpolate(pair.float(), size=frame.shape[2:], mode="bilinear")
        return merge_objects((pair[:, 1] - pair[:, 0]).unflatten(0, (-1, objects)))


def _read(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The memory's values as every pixel of the query finds them, N x 512 x h x w.

    ``query`` is N x 128 x h x w; ``key`` and ``value`` have T frames before h and w.
    """
    pixels, keys, values = (x.flatten(2).transpose(1, 2) for x in (query, key, value))
    read = F.scaled_dot_product_attention(pixels, keys, values)
    return read.transpose(1, 2).unflatten(2, query.shape[2:])


def merge_objects(log_odds: Tensor) -> Tensor:
    """Let objects that were segmented one by one compete (Eq. 3 of Oh et al. 2019).

    Each object has a probability p of its own; the background's is the product of all 1 - p. What
    is proportional to p / (1 - p), the odds, and sums to one over objects and background is the
    merged probability: the softmax of the log odds.

    Args:
        log_odds: log(p / (1 - p)), B x objects x H x W.

    Returns:
        logits, B x (1 + objects) x H x W, the background first.
    """
    # Not quite 0, so that the background's odds stay finite where every object is ruled out.
    background = F.logsigmoid(-log_odds).sum(dim=1, keepdim=True).clamp(max=-1e-7)
    return torch.cat((background - torch.log(-torch.expm1(background)), log_odds), dim=1)


def _check(frames: Tensor, masks: Tensor, memorize_every: int) -> None:
    if frames.ndim != 5 or frames.shape[1] < 2 or frames.shape[2] != 3:
        raise ValueError(
            "frames must be B x T x 3 x H x W with at least two frames (one with masks, one to be"
            f" segmented); got {' x '.join(map(str, frames.shape))}."
        )
    batch, _, _, height, width = frames.shape
    size = (masks.shape[0], *masks.shape[2:])
    if masks.ndim != 4 or masks.shape[1] == 0 or size != (batch, height, width):
        raise ValueError(
            f"masks must be B x objects x H x W, here {batch} x objects x {height} x {width} with"
            f" at least one object; got {' x '.join(map(str, masks.shape))}."
        )
    if memorize_every < 1:
        raise ValueError(f"memorize_every must be at least 1; got {memorize_every}.")
