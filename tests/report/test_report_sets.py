"""Reports on pictures and videos, whose metrics are numbers of a whole set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from report_page import Page
from synthetic_runs import write_run
from typer.testing import CliRunner

from medabl.cli import app
from medabl.errors import InputError
from medabl.report import load_runs, write_report

PICTURES = {
    "name": "streets",
    "images": "pictures",
    "classes": ["road", "sky", "pole"],
    "labels": {0: "void", 1: "road", 2: "sky", 3: "pole"},
    "ignored": ["void"],
    "key_metric": "val_miou",
}
VIDEOS = {
    "name": "davis",
    "images": "videos",
    "classes": ["background", "object"],
    "labels": {0: "background", 1: "object"},
    "key_metric": "val_j_mean",
}


def write_set_run(folder: Path, method: str, seed: int, task: dict, files: dict) -> None:
    """A finished run; `files` are its metrics: name -> (metric, class) -> value."""
    run = folder / f"{method}-{seed}"
    run.mkdir(parents=True)
    facts = {"format": 2, "name": run.name, "method": method, "label": method.upper(), "seed": seed}
    (run / "run.json").write_text(json.dumps({**facts, "status": "done", "task": task}))
    (run / "config.yaml").write_text(yaml.safe_dump({"method": method, "data": "/data/<streets>"}))
    for name, values in files.items():
        rows = [(metric, of, value) for (metric, of), value in values.items()]
        pd.DataFrame(rows, columns=["metric", "class", "value"]).to_csv(run / name, index=False)
    log = {"epoch": [0, 1], "train_loss": [1.0, 0.5], task["key_metric"]: [0.4, 0.5]}
    pd.DataFrame(log).to_csv(run / "epochs.csv", index=False)


def streets(folder: Path, seeds: int = 2, methods: tuple[str, ...] = ("ce", "iabl")) -> Path:
    rng = np.random.default_rng(0)
    for seed in range(seeds):
        for method in methods:
            iou = dict(zip(PICTURES["classes"], rng.random(3), strict=True))
            last = {("iou", name): value for name, value in iou.items()}
            last["iou", "pole"] = np.nan if method == "ce" else 0.25
            last["miou", "all"] = 0.5 + 0.01 * seed + 0.1 * (method == "iabl")
            last["pixel_accuracy", "all"] = 0.9
            last["strict_boundary_f_3px_ms", "all"] = 0.7
            files = {"natural_metrics.csv": last, "natural_metrics_best.csv": last}
            write_set_run(folder, method, seed, PICTURES, files)
    return folder


def test_its_numbers_are_the_means_over_the_runs(tmp_path: Path) -> None:
    runs = streets(tmp_path / "runs")
    write_report([runs], tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["method", "epoch", "metric"])
    assert table.loc[("iabl", "last", "miou"), "mean"] == pytest.approx(0.605)
    assert table.loc[("iabl", "last", "miou"), "sd"] == pytest.approx(np.std([0.6, 0.61], ddof=1))
    assert table.loc[("ce", "best", "miou"), "runs"] == 2
    classes = pd.read_csv(tmp_path / "out" / "classes.csv")
    files = [pd.read_csv(runs / f"ce-{seed}" / "natural_metrics.csv") for seed in (0, 1)]
    expected = np.mean([f.set_index("class")["value"]["sky"] for f in files])
    found = classes.query("method == 'ce' and epoch == 'last' and `class` == 'sky'")["mean"]
    assert found.tolist() == pytest.approx([expected], rel=1e-5)
    text = (tmp_path / "out" / "classes.md").read_text()
    assert "| Class | CE" in text
    assert "| 0.250 ± 0.000 |" in text


def test_its_words_say_what_is_higher_and_that_nothing_is_tested(tmp_path: Path) -> None:
    runs = streets(tmp_path / "runs", seeds=1, methods=("ce", "ce_iou", "iabl"))
    result = CliRunner().invoke(app, ["report", str(runs), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    said = " ".join((tmp_path / "out" / "answer.md").read_text().split())
    assert "IABL: mIoU 0.600, the highest of 3 methods." in said
    assert "Of all validation pictures together, at the last epoch" in said
    assert "nothing is tested here, and with a single run of a method another seed may" in said
    assert "IABL against CE: +0.100 mIoU and 0.000 pixel accuracy." in said
    write_report([runs], tmp_path / "out", "iabl")
    said = (tmp_path / "out" / "answer.md").read_text()
    assert "CE against IABL: \N{MINUS SIGN}0.100 mIoU" in said


def test_its_page_is_whole(tmp_path: Path) -> None:
    page = Page(write_report([streets(tmp_path / "runs")], tmp_path / "out").read_text("utf-8"))
    assert page.open == []
    assert page.tags["script"] == 0
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert {address[1:] for address in page.addresses if address[0] == "#"} <= set(page.ids)
    first, numbers, classes = page.tables
    assert first[0][:4] == ["Method", "Epoch", "mIoU ↑", "Pixel accuracy ↑"]
    assert numbers[0][-1] == "Boundary F at 3 px, strict, multi-scale ↑"
    assert [row[0] for row in classes] == ["Class", "road", "sky", "pole"]
    assert classes[3][1:] == ["\N{EN DASH}", "0.250 ± 0.000"]
    assert "/data/<streets>" in page.text
    assert page.tags["svg"] == 1


def test_videos_are_reported_with_what_their_training_began_with(tmp_path: Path) -> None:
    for method, value in (("ce", 0.6), ("iabl", 0.7)):
        scores = {("j_mean", "all"): value, ("j_decay", "all"): 0.1, ("j_mean", "cow/1"): value}
        start = {key: number / 2 for key, number in scores.items()}
        files = {"natural_metrics.csv": scores, "start_metrics.csv": start}
        write_set_run(tmp_path / "runs", method, 0, VIDEOS, files)
    page = Page(write_report([tmp_path / "runs"], tmp_path / "out").read_text("utf-8"))
    assert "IABL: J mean 0.700, the highest of 2 methods." in page.text
    assert ["", "before training", "0.300"] in [row[:3] for row in page.tables[0]]
    assert page.tables[1][0][-1] == "J decay ↓"
    assert ["cow/1", "0.600", "0.700"] in page.tables[2]


def test_what_cannot_be_reported_together_is_named(tmp_path: Path) -> None:
    pictures = streets(tmp_path / "pictures")
    scan = write_run(tmp_path / "scans", "gdl", 0, ["a", "b"])
    with pytest.raises(InputError, match=r"gdl.* is of scans and other runs are of pictures"):
        write_report([pictures, scan], tmp_path / "out")
    write_set_run(tmp_path / "v", "ce", 0, VIDEOS, {"natural_metrics.csv": {("j_mean", "all"): 1}})
    with pytest.raises(InputError, match="are of the tasks davis and streets"):
        write_report([pictures, tmp_path / "v"], tmp_path / "out")
    with pytest.raises(InputError, match="The reference 'gdl' is none of the methods: ce, iabl"):
        write_report([pictures], tmp_path / "out", "gdl")
    with pytest.raises(InputError, match="of the whole set and of no single subject: medabl rep"):
        load_runs([pictures])
    (pictures / "ce-0" / "natural_metrics.csv").write_text("metric,value\nmiou,1\n")
    with pytest.raises(InputError, match="must have the columns metric, class, value"):
        write_report([pictures], tmp_path / "out")
    assert not (tmp_path / "out").exists()
