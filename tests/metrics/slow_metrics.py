"""Slow, obvious versions of the metrics, written from their definitions on other libraries."""

import math

import numpy as np
import SimpleITK as sitk
from scipy import spatial


def to_sitk(array, spacing, direction=None):
    image = sitk.GetImageFromArray(np.ascontiguousarray(np.asarray(array).transpose(2, 1, 0)))
    image.SetSpacing([float(s) for s in spacing])
    if direction is not None:
        image.SetDirection(np.asarray(direction, float).ravel().tolist())
        image.SetOrigin((12.5, -30.0, 7.25))
    return image


def challenge(pred, ref, spacing, direction=None):
    """The challenge's five, through SimpleITK, a list of points and a k-d tree."""
    reference = to_sitk(np.asarray(ref, np.float64), spacing, direction)
    result = to_sitk(np.asarray(pred, np.float64), spacing, direction)
    lesion = sitk.BinaryThreshold(reference, 0.5, 1.5, 1, 0)
    keep = sitk.BinaryThreshold(reference, 1.5, 2.5, 0, 1)
    found = sitk.BinaryThreshold(sitk.Mask(result, keep), 0.5, 1000.0, 1, 0)
    n_lesion, n_found = (int(sitk.GetArrayFromImage(i).sum()) for i in (lesion, found))
    both = int(sitk.GetArrayFromImage(lesion & found).sum())

    recall = _share_of_components(lesion, found)
    precision = _share_of_components(found, lesion)
    return {
        "dsc": 2 * both / (n_lesion + n_found) if n_lesion + n_found else math.nan,
        "h95": _h95(found, lesion) if n_lesion and n_found else math.nan,
        "avd": 100 * abs(n_lesion - n_found) / n_lesion if n_lesion else math.nan,
        "recall": recall,
        "f1": 2 * recall * precision / (recall + precision) if recall + precision else 0.0,
    }


def _share_of_components(image, other):
    components = sitk.ConnectedComponent(image, True)
    labels = sitk.GetArrayFromImage(components)
    hit = set(labels[sitk.GetArrayFromImage(other) == 1].tolist()) - {0}
    return len(hit) / labels.max() if labels.max() else 1.0


def _h95(found, lesion):
    clouds = []
    for image in (found, lesion):
        edge = sitk.Subtract(image, sitk.BinaryErode(image, (1, 1, 0)))
        indices = np.argwhere(sitk.GetArrayFromImage(edge).transpose(2, 1, 0))
        clouds.append([image.TransformIndexToPhysicalPoint(i.tolist()) for i in indices])
    if not all(clouds):
        return math.nan
    there = spatial.KDTree(clouds[1]).query(clouds[0])[0]
    back = spatial.KDTree(clouds[0]).query(clouds[1])[0]
    return max(np.percentile(there, 95), np.percentile(back, 95))


def surface_points(mask, spacing):
    """Physical positions of the foreground voxels with a background (or no) face neighbour."""
    points = []
    for index in np.argwhere(mask):
        for axis in range(mask.ndim):
            for step in (-1, 1):
                near = index.copy()
                near[axis] += step
                outside = near[axis] < 0 or near[axis] >= mask.shape[axis]
                if outside or not mask[tuple(near)]:
                    points.append(tuple(index * np.asarray(spacing)))
    return np.array(sorted(set(points)))


def brute_force_distances(a, b):
    """Distance of each point of a to the nearest of b, by trying all."""
    return np.array([min(math.dist(p, q) for q in b) for p in a])
