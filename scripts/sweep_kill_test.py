"""Kill a sweep at random moments, begin it again until it is done, and compare the tables.

    python scripts/sweep_kill_test.py [--kills 20] [--seed 0] [--jobs 2]

The driver of a sweep over two losses and two seeds gets a SIGKILL at a random moment of its time;
the same command is given again until the sweep is done, and then the next sweep is begun until
there were so many kills. The results of each have to be those of a sweep that was left alone, bit
for bit, the seconds aside. Exits with 1 at the first difference. For POSIX systems and the CPU.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml
from kill_test import write_cohort

from medabl.experiments import gather_results

SWEEP = {
    "base": ["wmh.yaml"],
    "set": {"image_size": [32, 32], "width": 4, "epochs": 8, "validation": 2, "device": "cpu"},
    "grid": {"method": ["gdl", "gdl_abl"], "seed": [0, 1]},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_cohort(root / "data")
        sweep = {**SWEEP, "set": {**SWEEP["set"], "data": str(root / "data")}}
        (root / "sweep.yaml").write_text(yaml.safe_dump(sweep))
        start = time.monotonic()
        if begin(root, root / "reference", arguments.jobs).wait() != 0:
            sys.exit("The undisturbed sweep failed.")
        length = time.monotonic() - start
        reference = results(root / "reference")
        if set(reference["state"]) != {"done"} or len(reference) != 4:
            sys.exit(f"The undisturbed sweep is not whole:\n{reference}")
        print(f"Undisturbed: {length:.0f} s. Killing {arguments.kills} times ...", flush=True)
        kills = busy = number = 0
        while kills < arguments.kills:
            number += 1
            out = root / f"sweep{number}"
            while True:
                driver = begin(root, out, arguments.jobs)
                last = kills == arguments.kills
                if not killed(driver, None if last else moments.uniform(0, length)):
                    break
                kills += 1
                busy += any(out.glob("*/run.json"))
            pd.testing.assert_frame_equal(results(out), reference, check_exact=True)
            print(f"sweep {number}: the same, after {kills} kills so far", flush=True)
    print(f"{kills} kills, {busy} of them while runs were carried out; {number} sweeps, all equal")


def begin(root: Path, out: Path, jobs: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "medabl", "sweep", str(root / "sweep.yaml")]
    return subprocess.Popen(
        [*command, "--out", str(out), "--jobs", str(jobs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def killed(driver: subprocess.Popen[bytes], seconds: float | None) -> bool:
    """Kill the driver, and nobody else, after so long; whether it was still at work."""
    try:
        code = driver.wait(seconds)
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
        return True
    if code != 0:
        sys.exit(f"The sweep ended by itself with exit status {code}.")
    return False


def results(out: Path) -> pd.DataFrame:
    """The table without what a clock says, and with the table of its epochs for each run."""
    table = gather_results(out).drop(columns="seconds")
    return table.assign(log=[(out / run / "epochs.csv").read_text() for run in table["run"]])


if __name__ == "__main__":
    main()
