import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_contours import slow_f

from medabl.metrics import davis_metrics, davis_statistics, region_similarity


def two_objects():
    """Two moving objects of which one is out of sight for two frames; 2 x 12 x 240 x 320."""
    y, x = np.mgrid[:240, :320]
    pred, ref = np.zeros((2, 2, 12, 240, 320), bool)
    for f in range(12):
        ref[0, f] = (y - 100 - 3 * f) ** 2 + (x - 80 - 9 * f) ** 2 < 45**2
        pred[0, f] = (y - 100 - 2 * f) ** 2 + 0.8 * (x - 80 - 10 * f) ** 2 < 45**2
        ref[1, f] = abs(y - 200 + 2 * f) + abs(x - 290) < 34 + f
        pred[1, f] = abs(y - 200 + 2 * f) + abs(x - 290 + f) < 34 + 3 * (f % 2)
    ref[1, 3:5] = pred[1, 4:6] = False
    return pred, ref


# Of davis2017-evaluation, commit ac7c43f, on the sequence above: mean, recall, decay.
EVALUATED = {
    "j": [
        (0.7851244137274807, 1.0, 0.172536463486071),
        (0.6242227662559248, 0.8, -0.05907737422367709),
    ],
    "f": [
        (0.48870868506852067, 0.4, 0.47963197102453387),
        (0.5683453922296728, 0.8, 0.13513383313000615),
    ],
}
EVALUATED_FRAMES = {
    "j": "0.892591 0.8843785 0.8699819 0.8507011 0.8280826 0.803349"
    " 0.7773964 0.7499025 0.7225848 0.6956796 0.6691878 0.6435112",
    "f": "0.750197 0.7665047 0.7542663 0.7107074 0.6413815 0.4824355"
    " 0.4008549 0.3383541 0.2946478 0.2632979 0.2346369 0.2128778",
}


def test_as_the_evaluation_code_of_the_benchmark():
    scores = davis_metrics(*two_objects())
    for name in ("j", "f"):
        frames = [float(value) for value in EVALUATED_FRAMES[name].split()]
        assert scores[name][0] == pytest.approx(frames, abs=1e-6)
        statistics = davis_statistics(scores[name])
        assert list(statistics) == ["mean", "recall", "decay"]
        np.testing.assert_allclose(
            np.transpose([*statistics.values()]), EVALUATED[name], rtol=0, atol=1e-6
        )


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 7)] * 2),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_noise_pixel_by_pixel(shape, density, seed):
    pred, ref = np.random.default_rng(seed).random((2, *shape)) < density
    scores = davis_metrics(pred, torch.tensor(ref))
    for o, f in np.ndindex(shape[:2]):
        p, r = pred[o, f], ref[o, f]
        shared = sum(a and b for a, b in zip(p.flat, r.flat, strict=True))
        either = sum(a or b for a, b in zip(p.flat, r.flat, strict=True))
        assert scores["j"][o, f] == (shared / either if either else 1)
        bound = math.ceil(0.008 * math.hypot(*shape[2:]))
        assert scores["f"][o, f] == pytest.approx(slow_f(p, r, bound), rel=1e-12)


def test_region_similarity_alone_is_the_same():
    pred, ref = two_objects()
    assert np.array_equal(region_similarity(pred, ref), davis_metrics(pred, ref)["j"])
    with pytest.raises(ValueError, match="objects x frames x H x W"):
        region_similarity(pred[0], ref[0])


def test_bound_grows_with_the_diagonal():
    ref = np.zeros((1, 1, 300, 400), bool)
    ref[..., 100:200, 100:200] = True
    # 0.008 of a diagonal of 500 pixels are 4.
    for shift, fits in ((4, True), (5, False)):
        pred = np.roll(ref, shift, axis=3)
        assert (davis_metrics(pred, ref)["f"][0, 0] == 1) == fits


@pytest.mark.parametrize("frames", [3, 4, 7, 30, 300])
def test_statistics_frame_by_frame(frames):
    scores = np.random.default_rng(frames).random((2, frames))
    statistics = davis_statistics(scores)
    for o in range(2):
        counted = [scores[o, f] for f in range(1, frames - 1)]
        n = len(counted)
        assert statistics["mean"][o] == pytest.approx(sum(counted) / n)
        assert statistics["recall"][o] == pytest.approx(sum(v > 0.5 for v in counted) / n)
        # Frames are numbered from 1; a quarter ends at the frame nearest to it, halves upwards.
        ends = [math.floor(1 + (n - 1) * quarter / 4 + 0.5) for quarter in range(5)]
        first = [v for f, v in enumerate(counted, 1) if f <= ends[1]]
        last = [v for f, v in enumerate(counted, 1) if f >= ends[3]]
        decay = sum(first) / len(first) - sum(last) / len(last)
        assert statistics["decay"][o] == pytest.approx(decay)


def test_wrong_input_is_named():
    masks = np.zeros((1, 3, 4, 4), np.uint8)
    with pytest.raises(ValueError, match=r"objects x frames x H x W, got shape \(3, 4, 4\)"):
        davis_metrics(masks[0], masks[0])
    with pytest.raises(ValueError, match="one shape"):
        davis_metrics(masks, masks[:, 1:])
    with pytest.raises(ValueError, match="ref must hold masks of 0 and 1, one for each object"):
        davis_metrics(masks, masks + 255)
    with pytest.raises(ValueError, match=r"3 or more frames, got shape \(1, 2\)"):
        davis_statistics(np.zeros((1, 2)))
