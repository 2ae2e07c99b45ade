"""What differs from one head to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medabl.phantom.fields import Points


@dataclass(frozen=True)
class Person:
    """What differs from one brain to the next.

    Attributes:
        size: factors along x, y, z.
        angles: small rotations of the head in radians about x, y, z.
        atrophy: 0 (full brain) to 1 (wide sulci).
        ventricles: factor on the ventricles' radii.
        cortex_mm: thickness of the cortex.
    """

    size: tuple[float, float, float]
    angles: tuple[float, float, float]
    atrophy: float
    ventricles: float
    cortex_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float) -> Person:
        """A random person; `age` in 0 to 1 widens sulci and ventricles."""
        draw = rng.uniform(-1, 1, 8)
        return cls(
            size=(1 + 0.03 * draw[0], 1 + 0.04 * draw[1], 1 + 0.03 * draw[2]),
            angles=(0.06 * draw[3], 0.03 * draw[4], 0.05 * draw[5]),
            atrophy=float(np.clip(0.15 + 0.6 * age + 0.2 * draw[6], 0, 1)),
            ventricles=0.85 + 0.6 * age + 0.25 * float(draw[7]),
            cortex_mm=2.7 - 0.4 * age,
        )

    def to_atlas(self, points: Points) -> Points:
        """Positions in the atlas frame of 3 x N positions in the scanner's, mm."""
        moved = points.copy()
        for axis, angle in enumerate(self.angles):
            a, b = [k for k in range(3) if k != axis]
            # Half-angle form: exact rotation from products and divisions alone.
            t = angle / 2
            cosine, sine = np.float32((1 - t * t) / (1 + t * t)), np.float32(2 * t / (1 + t * t))
            moved[a], moved[b] = (
                cosine * moved[a] - sine * moved[b],
                sine * moved[a] + cosine * moved[b],
            )
        return moved / np.asarray(self.size, np.float32)[:, None]
