"""What a step asks of a CUDA device, counted without one."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

SCRIPT = Path(__file__).parents[2] / "scripts" / "count_launches.py"


def counted(size):
    """Launches and MB of a step with the distance map inside."""
    done = subprocess.run([sys.executable, SCRIPT, "--size", size], check=True,
                          capture_output=True, text=True)  # fmt: skip
    (row,) = [line for line in done.stdout.splitlines() if "| map inside |" in line]
    _, _, launches, megabytes, _ = row.strip("| ").split(" | ")
    return int(launches), float(megabytes)


def test_a_step_of_the_active_boundary_loss_is_16_launches_and_40_mb():
    launches, megabytes = counted("8x2x256x256")
    assert launches <= 16
    # Logits and labels read, a gradient written: what no implementation does without.
    assert 3 * 8 * 2 * 256 * 256 * 4 / 1e6 < megabytes <= 40
