"""A training killed at random moments, as `scripts/kill_test.py` does it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "kill_test.py"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_runs_killed_six_times_end_as_one_that_was_left_alone() -> None:
    """Some of the kills have to fall into the writing of a checkpoint."""
    command = [sys.executable, str(SCRIPT), "--kills", "6"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.search(r"6 kills: (\d+) left .* file, (\d+) of these", done.stdout)
    assert counts is not None
    assert int(counts[1]) >= int(counts[2]) >= 1
