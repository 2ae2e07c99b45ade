"""Which runs a sweep file asks for, and what is said of a file that asks for nonsense."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from medabl.errors import InputError
from medabl.experiments import PlannedRun, plan_runs, read_sweep_file
from medabl.experiments.plan import titles
from tests.experiments.small_sweep import medabl, write_sweep


def plan(tmp_path: Path, **keys: Any) -> list[PlannedRun]:
    sweep = read_sweep_file(write_sweep(tmp_path / "sweep.yaml", tmp_path / "data", **keys))
    return plan_runs(sweep.base, sweep.common, sweep.combinations(), tmp_path / "out")


def names(runs: list[PlannedRun]) -> list[str]:
    """Without the digest, which is of eight digits."""
    assert all(len(run.name.rpartition("-")[2]) == 8 for run in runs)
    return [run.name.rpartition("-")[0] for run in runs]


def test_a_grid_is_every_combination_and_a_list_adds_single_runs(tmp_path: Path) -> None:
    runs = plan(
        tmp_path,
        grid={"method": ["gdl", "gdl_abl"], "seed": [0, 1]},
        list=[{"method": "gdl_abl", "alpha_end": 0.1}],
    )
    assert names(runs) == [
        "method=gdl,seed=0", "method=gdl,seed=1", "method=gdl_abl,seed=0",
        "method=gdl_abl,seed=1", "method=gdl_abl,alpha_end=0.1",
    ]  # fmt: skip
    assert [(r.config["method"], r.config["seed"], r.config["alpha_end"]) for r in runs][-2:] == [
        ("gdl_abl", 1, 0.01), ("gdl_abl", 0, 0.1),
    ]  # fmt: skip
    assert {run.config["image_size"][0] for run in runs} == {32}
    assert list(titles(runs).values())[-1] == "gdl_abl, alpha_end=0.1"


def test_neither_grid_nor_list_is_one_run(tmp_path: Path) -> None:
    assert names(plan(tmp_path)) == ["run"]


def test_a_list_alone_is_no_grid_of_one(tmp_path: Path) -> None:
    assert names(plan(tmp_path, list=[{"seed": 3}])) == ["seed=3"]


def test_all_runs_are_repeated_one_value_after_the_other(tmp_path: Path) -> None:
    runs = plan(
        tmp_path,
        grid={"method": ["gdl"]},
        list=[{"method": "gdl_abl", "alpha_end": 0.1}],
        repeat={"seed": [0, 1], "fold": [0, 1]},
        set={"folds": 2},
    )
    wanted = [
        (method, seed, fold) for seed in (0, 1) for fold in (0, 1) for method in ("gdl", "gdl_abl")
    ]
    assert [(r.config["method"], r.config["seed"], r.config["fold"]) for r in runs] == wanted
    assert {r.config["alpha_end"] for r in runs if r.config["method"] == "gdl_abl"} == {0.1}


def test_combinations_that_come_to_the_same_settings_are_one_run(tmp_path: Path) -> None:
    runs = plan(tmp_path, grid={"seed": [0, 1]}, list=[{"seed": 1}, {"seed": 1, "fold": 0}])
    assert names(runs) == ["seed=0", "seed=1"]


def test_nested_settings_and_lists_are_named_so_that_any_disk_takes_them(tmp_path: Path) -> None:
    runs = plan(
        tmp_path,
        grid={"losses::abl::max_distance": [5.0], "modalities": [["flair"], ["flair", "t1"]]},
    )
    assert names(runs) == [
        "losses.abl.max_distance=5.0,modalities=flair",
        "losses.abl.max_distance=5.0,modalities=flair+t1",
    ]
    long = plan(tmp_path, grid={"mask_name": ["ü" * 200, "ü" * 199 + "a"]})
    assert len({run.name for run in long}) == 2
    assert all(len(run.name.encode()) < 130 for run in long)


@pytest.mark.parametrize("key", ["data", "split"])
def test_runs_that_differ_in_a_place_only_are_different_runs(tmp_path: Path, key: str) -> None:
    runs = plan(tmp_path, grid={key: [str(tmp_path / "one"), str(tmp_path / "two")]})
    assert len({run.folder.path for run in runs}) == 2


def test_a_run_is_told_by_all_its_settings_wherever_its_data_lie(tmp_path: Path) -> None:
    (one,) = plan(tmp_path, set={"width": 3})
    (other,) = plan(tmp_path, set={"width": 3, "data": str(tmp_path / "moved"), "num_workers": 1})
    (wider,) = plan(tmp_path, set={"width": 4})
    assert one.name == other.name != wider.name


def test_everything_wrong_in_any_combination_is_said_at_once(cohort: Path, tmp_path: Path) -> None:
    file = write_sweep(
        tmp_path / "sweep.yaml",
        cohort,
        set={"epoch": 3},
        grid={"method": ["gdl", "gdl_able"], "seed": [0, -1], "alpha_end": [0.01, 2]},
    )
    said = medabl("sweep", file, "--out", tmp_path / "out", code=2)
    assert "4 things are wrong:" in said
    assert "The config has no key 'epoch'; did you mean epochs?" in said
    assert "method=gdl_able is not known" in said
    assert "(method=gdl_able, seed=0, alpha_end=0.01 and 3 more combinations)" in said
    assert "seed=-1: must be at least 0" in said
    assert "(method=gdl, seed=-1, alpha_end=0.01 and 3 more combinations)" in said
    assert "alpha_end=2: must be at most 1" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base: wmh.yaml", "base=wmh.yaml: must be a list"),
        ("base: []", "base=[]: needs at least 1 value"),
        ("base: [wmh.yaml]\ngrid: {seed: 3}", "grid::seed=3: must be a list"),
        ("base: [wmh.yaml]\ngrid: {seed: []}", "grid::seed=[]: needs at least 1 value"),
        ("base: [wmh.yaml]\ngird: {seed: [3]}", "gird={'seed': [3]}: is not known"),
        ("base: [wmh.yaml]\nset: {run_dir: x}", "sets run_dir, which the sweep chooses"),
        ("grid: {seed: [3]}", "base is missing"),
        ("base: [wmh.yaml]\nrepeat: {seed: 3}", "repeat::seed=3: must be a list"),
        ("base: [wmh.yaml]\nrepeat: {run_dir: [x]}", "sets run_dir, which the sweep chooses"),
        ("base: [wmh.yaml]\nrepeat: {seed: [1]}\nlist: [{seed: 0}]", "sets seed in repeat and in"),
        ("- base", "must hold the keys base, set, grid, list and repeat"),
        ("base: [", "is not YAML"),
        ("base: [nowhere.yaml]", "nowhere.yaml"),
    ],
)
def test_a_file_that_is_no_sweep_is_refused_by_name(
    tmp_path: Path, text: str, expected: str
) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(text)
    said = medabl("sweep", file, "--out", tmp_path / "out", code=2)
    assert expected in said
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml cannot be read \(No such file"):
        read_sweep_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("keys", "options", "expected"),
    [
        ({}, ["--jobs", "0"], "--jobs must be at least 1, got 0"),
        ({"grid": {"device": ["cpu", "cuda:99"]}}, [], "device cuda:99 was asked for"),
        ({"grid": {"modalities": [["flair"], ["flair", "t2"]]}}, [], "has no T2.nii.gz"),
        ({"grid": {"folds": [2, 9], "fold": [0]}}, [], "folds=9, fold=0 does not divide 6"),
    ],
)
def test_what_cannot_be_carried_out_is_said_before_anything_is_written(
    cohort: Path, tmp_path: Path, keys: dict[str, Any], options: list[str], expected: str
) -> None:
    file = write_sweep(tmp_path / "sweep.yaml", cohort, **keys)
    for dry in ([], ["--dry-run"]):
        said = medabl("sweep", file, "--out", tmp_path / "out", *options, *dry, code=2)
        assert expected in said
    assert not (tmp_path / "out").exists()


def test_a_dry_run_names_every_run_whose_network_or_loss_raises(
    cohort: Path, tmp_path: Path
) -> None:
    loss = "tests.experiments.poisoned_losses.Raises"
    method = {"label": "x", "distance_map": [], "loss": {"_target_": loss}}
    config = tmp_path / "methods.yaml"
    config.write_text(yaml.safe_dump({"methods::raises": method}))
    place = ["--out", tmp_path / "out", "--dry-run"]
    file = write_sweep(tmp_path / "loss.yaml", cohort, base=["wmh.yaml", str(config)],
                       grid={"method": ["raises", "gdl"], "width": [2, 3]})  # fmt: skip
    said = medabl("sweep", file, *place, code=2)
    assert "2 things are wrong:" in said
    for width in (2, 3):
        assert re.search(rf"method=raises,width={width}-\w{{8}} will fail: KeyError", said)
    grid = {"network::width": [2, 3], "network::out_channels": [2, 3, 5]}
    file = write_sweep(tmp_path / "network.yaml", cohort, grid=grid)
    said = medabl("sweep", file, *place, code=2)
    assert "4 things are wrong:" in said
    assert said.count("the task needs (1, 2, 32, 32)") == 4


def test_wrong_options_of_losses_are_said_with_wrong_settings(tmp_path: Path) -> None:
    file = write_sweep(
        tmp_path / "sweep.yaml",
        tmp_path / "no data are looked at",
        set={
            "losses::abl::reach": -1,
            "losses::abl::boundary_factor": 0,
            "losses::abl::sigmoid": True,
            "losses::cat::beta": "much",
        },
        grid={"method": ["gdl", "iabl"], "epochs": [3, 0], "losses::bl::reduction": ["sun", "sum"]},
    )
    said = medabl("sweep", file, "--out", tmp_path / "out", code=2)
    for sentence in (
        "4 things are wrong:",
        "losses::abl: Incompatible values: more than 1 of [sigmoid=True, softmax=True]",
        "; boundary_factor must be positive, got 0; reach must be positive, got -1.",
        "losses::cat: beta must be a number, got 'much'.",
        "epochs=0: must be at least 1",
        "losses::bl: reduction must be one of mean, sum, none, got sun. (method=gdl",
    ):
        assert sentence in said


def test_networks_and_losses_that_refuse_are_named_together(cohort: Path, tmp_path: Path) -> None:
    raises = "tests.experiments.poisoned_losses.Raises"
    method = {"label": "x", "distance_map": [], "loss": {"_target_": raises}}
    config = tmp_path / "methods.yaml"
    config.write_text(yaml.safe_dump({"methods::raises": method}))
    runs = [
        {"method": "raises"},
        {"method": "gdl", "network::out_channels": 5},
        {"method": "dice_ce", "losses::dice_ce::lambda_dice": -2},
        {"method": "dice_ce_abl", "late::end": -1, "network::out_channels": 3},
    ]
    file = write_sweep(tmp_path / "s.yaml", cohort, base=["wmh.yaml", str(config)], list=runs)
    dry = medabl("sweep", file, "--out", tmp_path / "out", "--dry-run", code=2)
    for run, mistake in (
        ("raises", "KeyError"),
        ("gdl", r".*\(1, 5, 32, 32\)"),
        ("dice_ce", ".*lambda_dice should be no less than 0"),
        ("dice_ce_abl", r".*\(1, 3, 32, 32\).*weight of 'abl' must not be negative"),
    ):
        assert re.search(rf"method={run}(,[^ ]*)?-\w{{8}} will fail: {mistake}", dry), dry
    said = medabl("sweep", file, "--out", tmp_path / "out", code=2)
    assert "4 things are wrong:" in said  # a step of a loss is taken by a dry run only
    assert "KeyError" not in said
    assert not (tmp_path / "out").exists()


def test_a_dry_run_times_some_steps_and_writes_nothing(cohort: Path, tmp_path: Path) -> None:
    file = write_sweep(
        tmp_path / "sweep.yaml", cohort,
        grid={"method": ["gdl", "gdl_abl", "cc_dice_ce", "rrw", "cat_tversky"]},
    )  # fmt: skip
    before = sorted(tmp_path.rglob("*"))
    said = medabl("sweep", file, "--out", tmp_path / "out", "--jobs", 8, "--dry-run")
    assert said.count("pending 0/3") == 5
    assert "will fail" not in said
    assert "5 runs, 5 to be carried out, 5 at a time" in said  # no more than there are
    assert "from a few timed steps: a rough guess" in said
    assert sorted(tmp_path.rglob("*")) == before
