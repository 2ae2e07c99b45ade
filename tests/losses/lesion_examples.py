"""Images with lesions, for the losses that count them, and lesions found by walking."""

from __future__ import annotations

import itertools

import torch


def example(seed, classes=2, spatial=(9, 11), density=0.25):
    """Two images: logits of `classes` channels (or one) and labels."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, *spatial, generator=generator, dtype=torch.float64)
    drawn = torch.rand(2, 1, *spatial, generator=generator)
    kinds = torch.randint(1, max(classes, 2), (2, 1, *spatial), generator=generator)
    return logits, torch.where(drawn < density, kinds, 0)


def voxels_of(image):
    return list(itertools.product(*map(range, image.shape)))


def lesions_of(mask):
    """The connected components of a mask, diagonals included, as sets of voxels."""
    left = {voxel for voxel in voxels_of(mask) if mask[voxel]}
    found = []
    while left:
        frontier, component = [left.pop()], set()
        while frontier:
            voxel = frontier.pop()
            component.add(voxel)
            near = {n for n in left if all(abs(a - b) <= 1 for a, b in zip(n, voxel, strict=True))}
            left -= near
            frontier += near
        found.append(component)
    return found
