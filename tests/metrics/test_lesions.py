import numpy as np
import pytest
from lesion_volumes import blobs
from scipy import ndimage

from medabl.metrics import lesion_table, wmh_challenge_metrics


@pytest.mark.parametrize("seed", range(3))
def test_as_scipy_labelling(seed):
    pred, ref = blobs(seed)
    labels, count = ndimage.label(ref, np.ones((3, 3, 3)))
    rows = lesion_table(pred, ref, (0.9, 1.1, 3))
    lesions = [labels == k for k in range(1, count + 1)]
    want = sorted((m.sum() * 0.9 * 1.1 * 3, int(pred[m].any())) for m in lesions)
    found = sorted((row["volume_mm3"], row["detected"]) for row in rows)
    np.testing.assert_allclose(found, want)
    recall = wmh_challenge_metrics(pred, ref, (0.9, 1.1, 3))["recall"]
    assert np.mean([row["detected"] for row in rows]) == pytest.approx(recall)


def test_by_hand():
    ref = np.zeros((6, 6, 2))
    ref[0, 0, 0] = ref[1, 1, 1] = 1
    ref[4, 4, 0] = 1
    ref[4, 5, 0] = 2
    pred = np.zeros((6, 6, 2))
    pred[1, 1, 1] = 0.6
    pred[4, 4, 0] = 0.4
    pred[4, 5, 0] = 1
    assert lesion_table(pred, ref, (1, 1, 3)) == [
        {"volume_mm3": 6.0, "detected": 1},
        {"volume_mm3": 3.0, "detected": 0},
    ]


def test_no_lesions():
    empty = np.zeros((2, 2, 2))
    assert lesion_table(empty + 1, empty, (1, 1, 1)) == []
