"""Label pictures of any program, evaluated from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medabl.errors import InputError
from medabl.evaluation import evaluate_label_pictures, evaluate_paths
from tests.evaluation.test_label_maps import TASK, images, scores_of


def saved(path: Path, classes: np.ndarray) -> Path:
    Image.fromarray(np.where(classes == 255, 4, classes).astype(np.uint8)).save(path)
    return path


def written(folder: Path) -> list[tuple[Path, Path]]:
    return [
        (saved(folder / f"{n}.png", pred), saved(folder / f"{n}_ref.png", ref))
        for n, (pred, ref) in enumerate(images(5))
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_table_is_that_of_the_arrays_whatever_the_number_of_processes(
    tmp_path: Path, workers: int
) -> None:
    table = evaluate_label_pictures(written(tmp_path), TASK, workers)
    pd.testing.assert_frame_equal(table, scores_of(images(5)).table())


def test_what_cannot_be_evaluated_is_named(tmp_path: Path) -> None:
    pairs = written(tmp_path)
    with pytest.raises(InputError, match=r"0_ref.png is a picture; name its task"):
        evaluate_paths(*pairs[0])
    with pytest.raises(InputError, match="no label pictures to evaluate"):
        evaluate_label_pictures([], TASK)
    small = saved(tmp_path / "small.png", images()[0][0][:5])
    with pytest.raises(InputError, match=r"small.png has 36 x 5 pixels and .* 36 x 30; pred"):
        evaluate_label_pictures([(small, pairs[0][1])], TASK, workers=1)
    void = saved(tmp_path / "void.png", np.full((30, 36), 255))
    with pytest.raises(InputError, match="ignored labels in 936 pixels that count; predict a"):
        evaluate_label_pictures([(void, pairs[0][1])], TASK, workers=1)
