"""Streets: sky, houses, a road, and thin poles with lights and signs before them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medabl.miniatures.scene import Picture, Scene

HEIGHT, WIDTH = 96, 192
TRAIN, VAL = 32, 12
CITIES = {"train": ("aachen", "zurich"), "val": ("frankfurt",)}

_EGO, _ROAD, _SIDEWALK, _BUILDING, _FENCE, _POLE = 1, 7, 8, 11, 13, 17
_LIGHT, _SIGN, _VEGETATION, _SKY, _PERSON, _CAR, _BICYCLE = 19, 20, 21, 23, 24, 26, 33


def pictures(seed: int) -> Iterator[Picture]:
    """All pictures of the miniature."""
    for side, count in (("train", TRAIN), ("val", VAL)):
        for index in range(count):
            city = CITIES[side][index % len(CITIES[side])]
            name = f"{side}/{city}/{city}_{index:06d}_000019"
            scene = street(np.random.default_rng([seed, side == "val", index]))
            yield Picture(
                f"leftImg8bit/{name}_leftImg8bit.png",
                scene.photograph(),
                f"gtFine/{name}_gtFine_labelIds.png",
                scene.labels,
            )


def street(rng: np.random.Generator) -> Scene:
    """One street; its labels are ids of Cityscapes."""
    scene = Scene.blank(HEIGHT, WIDTH, _SKY, rng)
    horizon = rng.uniform(0.42, 0.52) * HEIGHT
    _background(scene, horizon)
    _small_things(scene, horizon)
    scene.paint(scene.box(HEIGHT - int(rng.integers(4, 8)), 0, HEIGHT, WIDTH), _EGO)
    return scene


def _background(scene: Scene, horizon: float) -> None:
    rng = scene.rng
    left = 0.0
    while left < WIDTH:
        width = rng.uniform(18, 48)
        top = rng.uniform(0.1, 0.8) * horizon
        scene.paint(scene.box(top, left, horizon - top, width), _BUILDING)
        left += width + rng.choice([0.0, rng.uniform(4, 16)])
    for _ in range(rng.integers(1, 4)):
        y, x = horizon - rng.uniform(4, 12), rng.uniform(0, WIDTH)
        scene.paint(scene.disc(y, x, rng.uniform(14, 28), rng.uniform(12, 30)), _VEGETATION)
    scene.paint(scene.box(horizon, 0, HEIGHT, WIDTH), _SIDEWALK)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    middle = WIDTH / 2 + rng.uniform(-25, 25)
    half = 8 + rng.uniform(0.9, 1.6) * 1.5 * (rows - horizon)
    scene.paint((rows >= horizon) & (abs(columns - middle) <= half), _ROAD)


def _small_things(scene: Scene, horizon: float) -> None:
    rng = scene.rng
    if rng.random() < 0.5:
        start = rng.uniform(0, WIDTH - 40)
        for bar in np.arange(start, start + rng.uniform(20, 40), 4):
            scene.paint(scene.box(horizon - 4, bar, 9, 1), _FENCE)
    for _ in range(rng.integers(1, 4)):
        y, x = horizon + rng.uniform(6, 26), rng.uniform(15, WIDTH - 35)
        size = rng.uniform(0.7, 1.2) * (10 + 0.4 * (y - horizon))
        scene.paint(scene.box(y - size / 2, x, size, 2 * size), _CAR)
        scene.paint(scene.disc(y - size / 2, x + size, size, 1.3 * size), _CAR)
    for _ in range(rng.integers(1, 4)):
        y, x = horizon + rng.uniform(-2, 14), rng.uniform(5, WIDTH - 5)
        scene.paint(scene.disc(y, x, 15, 5), _PERSON)
        scene.paint(scene.disc(y - 9, x, 4, 4), _PERSON)
    for _ in range(rng.integers(0, 3)):
        y, x = horizon + rng.uniform(6, 20), rng.uniform(12, WIDTH - 12)
        for wheel in (x - 5, x + 5):
            scene.paint(scene.ring(y, wheel, 9, 1.4), _BICYCLE)
        scene.paint(scene.box(y - 5, x - 4, 1.5, 9), _BICYCLE)
    for _ in range(rng.integers(2, 5)):
        x, top = rng.uniform(4, WIDTH - 4), rng.uniform(0.2, 0.7) * horizon
        scene.paint(
            scene.box(top, x, horizon + rng.uniform(4, 12) - top, int(rng.integers(1, 4))), _POLE
        )
        if rng.random() < 0.5:
            scene.paint(scene.box(top - 4, x - 1.5, 9, 5), _LIGHT)
        else:
            scene.paint(scene.disc(top, x + 1, 8, 8), _SIGN)
