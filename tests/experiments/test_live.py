"""What the user sees of a sweep, on a terminal of 80 columns and in a log file."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from medabl.experiments import live
from medabl.experiments.live import View, duration, time_left
from medabl.experiments.state import Progress

TITLES = {
    "a": "gdl, seed=0",
    "b": "gdl_abl, seed=0",
    "c": "gdl_abl, seed=0, alpha_end=0.1",
    "d": "my_[b]bold[/b], seed=1",
}
BEFORE = {name: Progress("pending", 0, 18) for name in TITLES}
NOW = {
    "a": Progress("done", 18, 18, 0.2345, 0.701, 0.712, 4.0),
    "b": Progress("running", 9, 18, 0.1234, 0.612, 0.633, 65.0),
    "c": Progress("running", 12, 18, 0.0511, 0.203, 0.655, 61.0, collapsed=True),
    "d": Progress("failed", 0, 18, error="KeyError: 'my [b]own[/b] mistake'"),
}


def shown(terminal: bool, *steps: dict[str, Progress]) -> str:
    console = Console(
        file=io.StringIO(), record=True, width=80, height=24, force_terminal=terminal,
        color_system=None,
    )  # fmt: skip
    with View(console, 2, TITLES, "slice-DSC") as view:
        for step in steps:
            view.show(step)
    assert isinstance(console.file, io.StringIO)
    return console.export_text()


def test_a_terminal_of_80_columns_has_room_for_every_number() -> None:
    console = Console(file=io.StringIO(), record=True, width=80, height=24, force_terminal=True)
    console.print(View(console, 2, TITLES, "slice-DSC").picture(NOW))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert max(map(len, lines)) <= 80
    rows = [" ".join(line.split()) for line in lines]
    assert "run state epoch loss slice-DSC best left" in rows
    assert "gdl_abl, seed=0 running 9/18 0.1234 0.612 0.633 9 min 45 s" in rows
    assert "gdl_abl, seed=0, alpha_… collapsed 12/18 0.0511 0.203 0.655 6 min 06 s" in rows
    assert "gdl, seed=0 done 18/18 0.2345 0.701 0.712" in rows
    assert any("2 of 4 runs over, 0 s, about 9 min 45 s left" in row for row in rows)


@pytest.mark.parametrize("terminal", [True, False])
def test_names_and_errors_that_look_like_markup_are_shown_as_they_are(terminal: bool) -> None:
    text = shown(terminal, BEFORE, NOW)
    assert "my_[b]bold[/b], seed=1: failed, KeyError: 'my [b]own[/b] mistake'" in text


def test_a_log_gets_a_line_where_something_happened_and_no_control_characters() -> None:
    assert shown(False, BEFORE, NOW, NOW).splitlines() == [
        "4 runs: 4 pending",
        "gdl, seed=0: done, epoch 18/18, loss 0.2345, slice-DSC 0.701",
        "gdl_abl, seed=0: running, epoch 9/18, loss 0.1234, slice-DSC 0.612, 9 min 45 s left",
        "gdl_abl, seed=0, alpha_end=0.1: collapsed, epoch 12/18, loss 0.0511, slice-DSC 0.203,"
        " 6 min 06 s left",
        "my_[b]bold[/b], seed=1: failed, KeyError: 'my [b]own[/b] mistake'",
        "2 of 4 runs over, 0 s, about 9 min 45 s left",
    ]


def test_a_log_gets_at_most_ten_lines_of_a_long_run() -> None:
    steps = [{"a": Progress("running", epoch, 400, 0.1, 0.5, 0.5, 1.0)} for epoch in range(400)]
    assert 9 <= len(shown(False, *steps).splitlines()) <= 11


def test_more_runs_than_lines_are_counted() -> None:
    many = {str(i): Progress("pending", 0, 5) for i in range(100)}
    console = Console(file=io.StringIO(), record=True, width=80, height=24, force_terminal=True)
    with View(console, 2, {name: name for name in many}) as view:
        view.show(many)
    assert "and 82 more" in console.export_text()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (61, "1 min 01 s"), (3900, "1 h 05 min"), (float("nan"), "")],
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_time_left_is_that_of_all_jobs_and_not_less_than_that_of_one_run() -> None:
    runs = {str(i): Progress("pending", 0, 10) for i in range(6)}
    assert time_left(runs, 2) is None
    runs["0"] = Progress("running", 5, 10, seconds=2.0)
    assert time_left(runs, 2) == (5 * 2 + 5 * 10 * 2) / 2
    assert time_left({"0": runs["0"]}, 2) == 10


def test_the_time_left_counts_what_whole_runs_took_beside_their_epochs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(live.time, "monotonic", lambda: now)
    before = {name: Progress("pending", 0, 2) for name in "abcd"}
    before["a"] = Progress("done", 2, 2, seconds=1.0)
    console = Console(file=io.StringIO(), record=True, width=80)
    view = View(console, 1, {name: name for name in "abcd"})
    view.show(before)
    now = 30.0  # two epochs of a second, and 28 s to begin and to evaluate
    view.show({**before, "b": Progress("done", 2, 2, seconds=1.0)})
    assert "2 of 4 runs over, 30 s, about 1 min 00 s left" in console.export_text()
