"""The folder of a run: the names of its files, and where the run stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medabl.errors import InputError
from medabl.files import TEMPORARY, read_json, write_json
from medabl.runs.lock import HEARTBEAT_FILE, LOCK_FILE

FORMAT = 2
"""Version of the run folder's layout, kept in ``run.json``."""

Which = Literal["best", "last"]
WHICH: tuple[Which, ...] = ("best", "last")

_NOT_YET_A_RUN = {LOCK_FILE, HEARTBEAT_FILE, "planned.yaml", "log.txt", "error.txt"}


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run folder.

    Args:
        path: the folder.
    """

    path: Path

    @classmethod
    def at(cls, path: str | Path | None) -> RunFolder:
        """The run folder at a path.

        Raises:
            InputError: if there is no path.
        """
        if not path:
            raise InputError("run_dir is not set: say where the run goes, run_dir=FOLDER.")
        return cls(Path(path).expanduser())

    @property
    def config(self) -> Path:
        """Settings and wiring, as resolved."""
        return self.path / "config.yaml"

    @property
    def info(self) -> Path:
        """Name, method, seed, fold, task and status of the run."""
        return self.path / "run.json"

    @property
    def planned(self) -> Path:
        """The config of a run that an experiment wants, before it begins."""
        return self.path / "planned.yaml"

    @property
    def log(self) -> Path:
        """What a run of an experiment printed."""
        return self.path / "log.txt"

    @property
    def error(self) -> Path:
        """Why a run of an experiment failed."""
        return self.path / "error.txt"

    @property
    def split(self) -> Path:
        """Who trains, who validates, who is tested, and the patients with several scans."""
        return self.path / "split.json"

    @property
    def fingerprints(self) -> Path:
        """A digest of each file of each subject."""
        return self.path / "fingerprints.json"

    @property
    def environment(self) -> Path:
        """Versions, device and command."""
        return self.path / "environment.json"

    @property
    def epochs(self) -> Path:
        """A row an epoch."""
        return self.path / "epochs.csv"

    @property
    def timing(self) -> Path:
        """Seconds an epoch; apart from ``epochs.csv``, which is the same for the same run."""
        return self.path / "timing.csv"

    @property
    def snapshots(self) -> Path:
        """One lesion's probability map after every epoch."""
        return self.path / "snapshots.npz"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's logs."""
        return self.path / "tensorboard"

    @property
    def mlflow(self) -> Path:
        """MLflow's local store."""
        return self.path / "mlflow.db"

    @property
    def start_metrics(self) -> Path:
        """As ``natural_metrics.csv``, with the weights that the training began with."""
        return self.path / "start_metrics.csv"

    def checkpoint(self, which: Which) -> Path:
        """Checkpoint of the best or the last epoch."""
        return self.path / "checkpoints" / f"{which}.pt"

    def evaluation(self, which: Which) -> Path:
        """Per-subject metrics of the best or the last epoch."""
        return self.path / "evaluation" / f"{which}.csv"

    @property
    def natural_metrics(self) -> Path:
        """Metrics of natural images or videos: metric, class (``all`` for means), value."""
        return self.path / "natural_metrics.csv"

    @property
    def natural_metrics_best(self) -> Path:
        """The same, of the epoch with the best key metric."""
        return self.path / "natural_metrics_best.csv"

    def prediction(self, which: Which, subject: str, suffix: str = ".nii.gz") -> Path:
        """A subject's predicted mask.

        Args:
            which: of which epoch.
            subject: the id, which is a path (``Amsterdam/GE3T/100``), so that no two meet.
            suffix: ``.nii.gz``, of a picture ``.png``.
        """
        return self.path / "predictions" / which / f"{subject}{suffix}"

    def status(self) -> str:
        """``absent``, ``running`` (or interrupted), ``failed``, ``stopped`` or ``done``.

        Raises:
            InputError: if the folder holds something that is no run, or a run of another version.
        """
        if self.info.is_file():
            return str(self.read_info()["status"])
        if self.config.is_file():  # the first file of a run, whose description is still missing
            return "running"
        if self.path.is_file() or (self.path.is_dir() and any(map(_counts, self.path.iterdir()))):
            raise InputError(f"{self.path} exists and is no run folder; choose another one.")
        return "absent"

    def read_info(self) -> dict[str, Any]:
        """What ``run.json`` says.

        Raises:
            InputError: if it cannot be read, or is of another version.
        """
        try:
            info = dict(read_json(self.info))
            version, _ = info.get("format", 1), info["status"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.info} cannot be read as a run's description ({error!r})."
            ) from error
        if version != FORMAT:
            raise InputError(
                f"{self.path} was made by another version of medabl (run format {version}, this one"
                f" has {FORMAT}); use that version, or choose another folder."
            )
        return info

    def begin(self, info: Mapping[str, Any]) -> None:
        """Write ``run.json``: from now on the folder is a run's."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(
            self.info, {"format": FORMAT, "name": self.path.name, **info, "status": "running"}
        )

    def update(self, **changes: Any) -> None:
        """Change some entries of ``run.json``."""
        write_json(self.info, {**self.read_info(), **changes})


def _counts(path: Path) -> bool:
    return path.name not in _NOT_YET_A_RUN and not path.name.startswith(TEMPORARY)
