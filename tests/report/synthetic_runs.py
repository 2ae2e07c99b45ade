"""Run folders as medabl writes them, with made-up numbers whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import yaml

LABELS = {"gdl": "GDL", "gdl_bl": "GDL + BL", "gdl_abl": "GDL + ABL"}
SITES = ("Utrecht", "Singapore", "Amsterdam/GE3T")
SHAPE = (40, 48, 6)
AFFINE = np.diag([-2.0, 3.0, 4.0, 1.0])


def subject_names(number: int) -> list[str]:
    return [f"{SITES[i % 3]}/{i}" for i in range(number)]


def write_images(folder: Path, subjects: Sequence[str]) -> None:
    """A FLAIR with a bright ellipse and a mask of it, a subject, in tiny volumes."""
    rng = np.random.default_rng(0)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    head = (x / 0.8) ** 2 + (y / 0.9) ** 2 < 1
    for i, subject in enumerate(subjects):
        home = folder / subject
        (home / "pre").mkdir(parents=True, exist_ok=True)
        lesion = (x + 0.3) ** 2 + (y - 0.2) ** 2 + (z / 2) ** 2 < 0.03 + 0.01 * i
        flair = head * (100 + rng.normal(0, 6, SHAPE)) + lesion * 60
        nib.save(nib.Nifti1Image(flair.astype(np.float32), AFFINE), home / "pre/FLAIR.nii.gz")
        nib.save(nib.Nifti1Image(lesion.astype(np.float32), AFFINE), home / "wmh.nii.gz")


def epochs_frame(method: str, seed: int, collapse: bool, number: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng([seed, len(method)])
    epoch = np.arange(number)
    progress = epoch / (number - 1)
    dice = 0.75 * (1 - np.exp(-6 * progress)) + rng.normal(0, 0.01, number)
    if collapse:
        dice -= 0.4 * np.clip((progress - 0.88) / 0.12, 0, 1)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": np.exp(-3 * progress) + rng.normal(0, 0.01, number) + 0.2,
            "alpha": 1.0 if method == "gdl" else 1 - 0.99 * progress,
            "lr": 1e-3,
            "val_slice_dsc": dice,
            "val_slice_hd_rows": 2 - dice,
            "seconds": 3.0,
        }
    )


def evaluation_frame(
    subjects: Sequence[str], gain: float, seed: int, method: str, images: Path | None
) -> pd.DataFrame:
    """Per-subject metrics: a difficulty each subject has under every method, plus `gain`."""
    difficulty = np.random.default_rng(7).uniform(0.45, 0.85, len(subjects))
    rng = np.random.default_rng([seed, len(method), 3])
    dsc = np.clip(difficulty + gain + rng.normal(0, 0.015, len(subjects)), 0.02, 0.98)
    reference = np.geomspace(0.8, 60, len(subjects))
    where = images if images is not None else Path("images")
    return pd.DataFrame(
        {
            "subject": subjects,
            "site": [name.rsplit("/", 1)[0] for name in subjects],
            "prediction": "",
            "reference": [str(where / s / "wmh.nii.gz") for s in subjects],
            "image": [str(where / s / "pre/FLAIR.nii.gz") for s in subjects],
            "dsc": dsc,
            "hd_mm": 40 * (1 - dsc) + 5,
            "hd95_mm": 20 * (1 - dsc) + rng.normal(0, 0.3, len(subjects)),
            "assd_mm": 3 * (1 - dsc),
            "surface_dice_1mm": np.clip(dsc + 0.1, 0, 1),
            "surface_dice_3mm": np.clip(dsc + 0.2, 0, 1),
            "challenge_dsc": dsc,
            "challenge_h95_mm": 18 * (1 - dsc),
            "challenge_avd_percent": 60 * (1 - dsc),
            "challenge_recall": np.clip(dsc - 0.05, 0, 1),
            "challenge_f1": np.clip(dsc - 0.08, 0, 1),
            "slice_dsc": np.clip(dsc + 0.08, 0, 1),
            "slice_hd_rows": 1.6 - 0.8 * dsc,
            "reference_ml": reference,
            "prediction_ml": reference * (0.6 + 0.5 * dsc + rng.normal(0, 0.03, len(subjects))),
        }
    )


def lesions_frame(subjects: Sequence[str], gain: float, seed: int) -> pd.DataFrame:
    sizes = np.random.default_rng(1)
    found = np.random.default_rng([seed, 5])
    rows = []
    for subject in subjects:
        for volume in sizes.lognormal(4, 1.6, 14):
            chance = 1 / (1 + np.exp(-(np.log(volume) - 3.5 + 8 * gain)))
            rows.append((subject, subject.rsplit("/", 1)[0], volume, found.random() < chance))
    return pd.DataFrame(rows, columns=["subject", "site", "volume_mm3", "detected"])


def write_run(
    folder: Path,
    method: str,
    seed: int,
    subjects: Sequence[str],
    gain: float = 0.0,
    *,
    images: Path | None = None,
    collapse: bool = False,
    missing: Sequence[str] = (),
    status: str = "done",
    fold: int = 0,
    name: str = "",
    described: Mapping[str, object] | None = None,
    settings: Mapping[str, object] | None = None,
) -> Path:
    """Write one run folder; `missing` subjects have NaN surface distances (empty prediction).

    `described` are further keys of run.json, `settings` become config.yaml.
    """
    run = folder / (name or f"{method}-f{fold}-s{seed}")
    (run / "evaluation").mkdir(parents=True)
    description = {
        "name": run.name,
        "method": method,
        "label": LABELS.get(method, method),
        "seed": seed,
        "fold": fold,
        "status": status,
        **(described or {}),
    }
    if settings is not None:
        text = yaml.safe_dump({"method": method, "seed": seed, "fold": fold, **settings})
        (run / "config.yaml").write_text(text)
    (run / "run.json").write_text(json.dumps(description))
    (run / "environment.json").write_text(
        json.dumps({"medabl": "0.1.0", "device": "cpu", "versions": {"torch": "2.13.0"}})
    )
    epochs_frame(method, seed, collapse).to_csv(run / "epochs.csv", index=False)
    for checkpoint, change in (("best", 0.0), ("last", -0.35 if collapse else -0.01)):
        frame = evaluation_frame(subjects, gain + change, seed, method, images)
        kept = run / "predictions" / checkpoint
        frame["prediction"] = [str(kept / f"{s}.nii.gz") for s in subjects]
        distances = ["hd_mm", "hd95_mm", "assd_mm", "challenge_h95_mm"]
        frame.loc[frame["subject"].isin(missing), distances] = np.nan
        frame.to_csv(run / "evaluation" / f"{checkpoint}.csv", index=False)
        lesions = lesions_frame(subjects, gain + change, seed)
        lesions.to_csv(run / "evaluation" / f"{checkpoint}_lesions.csv", index=False)
        if images is not None:
            _write_predictions(images, kept, subjects, shift=1 if method == "gdl" else 0)
    return run


def _write_predictions(images: Path, kept: Path, subjects: Sequence[str], shift: int) -> None:
    for subject in subjects:
        (kept / subject).parent.mkdir(parents=True, exist_ok=True)
        truth = np.asarray(nib.load(images / subject / "wmh.nii.gz").dataobj)
        moved = np.roll(truth, shift, axis=0).astype(np.uint8)
        nib.save(nib.Nifti1Image(moved, AFFINE), kept / f"{subject}.nii.gz")


def write_comparison(
    folder: Path,
    *,
    subjects: int = 10,
    seeds: Sequence[int] = (0, 1, 2),
    gains: dict[str, float] | None = None,
    collapse: Sequence[str] = (),
    missing: dict[str, Sequence[str]] | None = None,
    with_images: bool = False,
) -> Path:
    """Write a run folder for every method and seed; `gains` are what a method adds to the Dice."""
    names = subject_names(subjects)
    images = None
    if with_images:
        images = folder / "images"
        write_images(images, names)
    for method, gain in (gains or {"gdl": 0.0, "gdl_bl": 0.01, "gdl_abl": 0.05}).items():
        for seed in seeds:
            write_run(
                folder / "runs",
                method,
                seed,
                names,
                gain,
                images=images,
                collapse=method in collapse,
                missing=(missing or {}).get(method, ()),
            )
    return folder / "runs"


def write_sweep(folder: Path, names: Sequence[str], *, with_images: bool = False) -> Path:
    """Four losses with three values of alpha_end and two seeds each, in a folder each."""
    images = None
    if with_images:
        images = folder / "images"
        write_images(images, names)
    for number, method in enumerate(("gdl", "gdl_bl", "gdl_abl", "dice_ce")):
        for step, alpha_end in enumerate((0.01, 0.1, 0.3)):
            for seed in (0, 1):
                write_run(
                    folder / "sweep",
                    method,
                    seed,
                    names,
                    0.015 * number + 0.01 * step,
                    name=f"{method}-alpha_end={alpha_end}-seed={seed}",
                    images=images,
                    settings={"alpha_end": alpha_end, "epochs": 40, "run_dir": f"{method}/{seed}"},
                )
    return folder / "sweep"


TISSUES = {
    "name": "tissues",
    "classes": ["background", "grey matter", "white matter", "csf"],
    "labels": {0: "background", 1: "csf", 2: "grey matter", 3: "white matter"},
    "evaluated": ["grey matter", "white matter", "csf"],
    "spatial_dims": 3,
    "key_metric": "val_hd95",
    "higher_is_better": False,
}


def write_tissue_run(
    folder: Path, method: str, seed: int, names: Sequence[str], gain: float
) -> Path:
    """A run of a three-class task evaluated on a test set: other key metric, columns per class."""
    described = {"task": TISSUES, "test": True, "modalities": ["t1"], "label": method}
    run = write_run(folder, method, seed, names, gain, described=described)
    epochs = pd.read_csv(run / "epochs.csv")
    dice = epochs.pop("val_slice_dsc")
    epochs = epochs.drop(columns="val_slice_hd_rows")
    epochs.insert(4, "val_hd95", 12 - 10 * dice)
    epochs.insert(5, "val_mean_dice", dice)
    epochs.to_csv(run / "epochs.csv", index=False)
    for checkpoint in ("best", "last"):
        path = run / f"evaluation/{checkpoint}.csv"
        frame = pd.read_csv(path)
        kept = ["subject", "site", "prediction", "reference", "image", "dsc", "hd95_mm"]
        frame = frame[[*kept, "reference_ml", "prediction_ml"]]
        for number, tissue in enumerate(TISSUES["evaluated"]):
            frame[f"dsc_{tissue}"] = (frame["dsc"] + 0.01 * (number - 1)).clip(0, 1)
            frame[f"hd95_mm_{tissue}"] = frame["hd95_mm"] + number - 1
        frame.to_csv(path, index=False)
        (run / f"evaluation/{checkpoint}_lesions.csv").unlink()
    return run
