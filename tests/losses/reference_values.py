"""What the operators of the active boundary loss return, from its reference."""

from medabl.losses.active_boundary.reference import active_boundary_reference


def reference_values(logits, distance, valid, settings):
    """The value of every image, what it counts for, and its number of boundary voxels."""
    sums, counts = active_boundary_reference(logits, distance, valid, settings)
    if settings.released:
        return sums, counts, counts
    return sums / counts.clamp_min(1), (counts > 0).long(), counts
