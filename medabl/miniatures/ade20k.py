"""Rooms: walls, a floor, and furniture on thin legs, in pictures of different sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medabl.miniatures.scene import Picture, Scene

TRAIN, VAL = 32, 12

_OTHER, _WALL, _FLOOR, _CEILING, _BED, _WINDOW, _DOOR, _TABLE = 0, 1, 4, 6, 8, 9, 15, 16
_PLANT, _CURTAIN, _CHAIR, _PAINTING, _LAMP = 18, 19, 20, 23, 37


def pictures(seed: int) -> Iterator[Picture]:
    """All pictures of the miniature."""
    for side, short, count in (("training", "train", TRAIN), ("validation", "val", VAL)):
        for index in range(count):
            name = f"{side}/ADE_{short}_{index + 1:08d}"
            scene = room(np.random.default_rng([seed, side == "validation", index]))
            yield Picture(
                f"images/{name}.jpg",
                scene.photograph(),
                f"annotations/{name}.png",
                scene.labels,
            )


def room(rng: np.random.Generator) -> Scene:
    """One room; its labels are those of the scene parsing benchmark, 0 for other objects."""
    height, width = (int(side) for side in rng.integers((88, 112), (120, 160)))
    scene = Scene.blank(height, width, _WALL, rng)
    floor = rng.uniform(0.6, 0.7) * height
    scene.paint(scene.box(0, 0, rng.uniform(0.06, 0.16) * height, width), _CEILING)
    scene.paint(scene.box(floor, 0, height, width), _FLOOR)
    _on_the_wall(scene, floor)
    for furniture in rng.permutation(np.array([_bed, _table, _chair, _chair, _lamp, _plant]))[:4]:
        furniture(scene, floor + rng.uniform(4, 0.25 * height), rng.uniform(8, width - 40))
    corner = rng.uniform(4, 12)
    scene.paint(scene.box(height - corner, 0, corner, corner), _OTHER)
    return scene


def _on_the_wall(scene: Scene, floor: float) -> None:
    rng, width = scene.rng, scene.labels.shape[1]
    x = rng.uniform(2, width - 50)
    scene.paint(scene.box(0.3 * floor, x, 0.4 * floor, 30), _WINDOW)
    for curtain in (x - 4, x + 28):
        scene.paint(scene.box(0.25 * floor, curtain, 0.6 * floor, 6), _CURTAIN)
    if rng.random() < 0.6:
        scene.paint(scene.box(0.35 * floor, rng.uniform(0, width - 20), 0.65 * floor, 18), _DOOR)
    for _ in range(rng.integers(1, 3)):
        x, size = rng.uniform(0, width - 20), rng.uniform(8, 18)
        scene.paint(scene.box(0.3 * floor, x, size, 1.2 * size), _PAINTING)


def _bed(scene: Scene, foot: float, x: float) -> None:
    scene.paint(scene.box(foot - 14, x, 12, 40), _BED)
    scene.paint(scene.box(foot - 24, x, 24, 4), _BED)


def _table(scene: Scene, foot: float, x: float) -> None:
    scene.paint(scene.box(foot - 20, x, 3, 34), _TABLE)
    for leg in (x + 1, x + 31):
        scene.paint(scene.box(foot - 18, leg, 18, 1.6), _TABLE)


def _chair(scene: Scene, foot: float, x: float) -> None:
    scene.paint(scene.box(foot - 12, x, 3, 14), _CHAIR)
    scene.paint(scene.box(foot - 26, x, 14, 2.5), _CHAIR)
    for leg in (x, x + 12):
        scene.paint(scene.box(foot - 10, leg, 10, 1.4), _CHAIR)


def _lamp(scene: Scene, foot: float, x: float) -> None:
    scene.paint(scene.box(foot - 40, x + 5, 40, 1.4), _LAMP)
    scene.paint(scene.disc(foot - 40, x + 5.5, 10, 14), _LAMP)


def _plant(scene: Scene, foot: float, x: float) -> None:
    scene.paint(scene.box(foot - 16, x + 7, 12, 1.4), _PLANT)
    for leaf in range(4):
        scene.paint(scene.disc(foot - 18 - 3 * leaf, x + 8 + 5 * (leaf % 2) - 2, 5, 9), _PLANT)
    scene.paint(scene.box(foot - 5, x + 4, 6, 8), _OTHER)
