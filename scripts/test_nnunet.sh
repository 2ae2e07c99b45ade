#!/usr/bin/env bash
# The trainers in the real nnU-Net: convert, plan, train two short epochs, resume, predict, evaluate, on six
# phantom subjects; 2D and 3D, labels, regions and voxels to ignore. Needs `pip install medabl[nnunet]` in the
# environment that runs it, an environment of its own: nnU-Net brings torchvision. CI does not run it: ten minutes or more.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export nnUNet_raw=$work/raw nnUNet_preprocessed=$work/preprocessed nnUNet_results=$work/results
export nnUNet_n_proc_DA=1 nnUNet_compile=false OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} MPLBACKEND=Agg
mkdir -p "$nnUNet_raw" "$work/short"

run() { "$python" -c "import sys; from $1 import $2 as main; sys.argv[0] = '$2'; main()" "${@:3}" >"$work/log" 2>&1 ||
    { tail -40 "$work/log" >&2; echo "failed: $*" >&2; exit 1; }; }
medabl() { "$python" -m medabl "$@"; }

# nnU-Net's epochs are 1000 of 250 steps: the same trainers, short.
nnUNet_extTrainer=$("$python" -m medabl.nnunet):$work/short
export nnUNet_extTrainer
cat >"$work/short/short_trainers.py" <<'PY'
import torch

from medabl.nnunet import trainers


class Short:
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 2
        self.num_iterations_per_epoch = 2
        self.num_val_iterations_per_epoch = 1

    def perform_actual_validation(self, save_probabilities=False):
        """Left out: nnU-Net's inference, slow on a CPU, is tried once at the end."""


for name in trainers.__all__:
    globals()[f"{name}Short"] = type(f"{name}Short", (Short, getattr(trainers, name)), {})
PY

medabl phantom "$work/phantom" --subjects 6 --size small
medabl convert --data "$work/phantom" --to nnunet --out "$nnUNet_raw/Dataset101_Labels"
# The same data with overlapping regions and a rim of voxels to ignore.
"$python" - "$nnUNet_raw" <<'PY'
import json
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

raw = Path(sys.argv[1])
for name, labels, more in (
    ("Dataset102_Ignore", {"background": 0, "lesion": 1, "ignore": 2}, {}),
    (
        "Dataset103_Regions",
        {"background": 0, "around": [1, 2], "lesion": 2, "ignore": 3},
        {"regions_class_order": [1, 2]},
    ),
):
    root = shutil.copytree(raw / "Dataset101_Labels", raw / name)
    description = json.loads((root / "dataset.json").read_text())
    (root / "dataset.json").write_text(json.dumps({**description, "labels": labels, **more}))
    for path in (root / "labelsTr").iterdir():
        image = nib.load(path)
        lesion = np.asarray(image.dataobj) > 0
        values = lesion.astype(np.uint8)
        if "Regions" in name:
            values = ndimage.binary_dilation(lesion, iterations=2) + values
        values[..., -1] = labels["ignore"]
        nib.save(nib.Nifti1Image(values.astype(np.uint8), image.affine), path)
PY

planner=nnunetv2.experiment_planning.plan_and_preprocess_entrypoints
training=nnunetv2.run.run_training
for id in 101 102 103; do
    run $planner plan_and_preprocess_entry -d $id -c 2d 3d_fullres -np 1 --no_pbar --verify_dataset_integrity
done
# The planned networks are for GPUs: the same kind, small enough for a CPU.
"$python" - "$nnUNet_preprocessed" <<'PY'
import json
import sys
from pathlib import Path

for path in Path(sys.argv[1]).glob("*/nnUNetPlans.json"):
    plans = json.loads(path.read_text())
    for name, patch in (("2d", [64, 64]), ("3d_fullres", [8, 64, 64])):
        plan = plans["configurations"][name]
        plan["patch_size"], plan["batch_size"] = patch, 2
        network = plan["architecture"]["arch_kwargs"]
        network.update(n_stages=3, features_per_stage=[4, 8, 16])
        network.update(n_conv_per_stage=[1, 1, 1], n_conv_per_stage_decoder=[1, 1])
        network.update(strides=network["strides"][:3], kernel_sizes=network["kernel_sizes"][:3])
    path.write_text(json.dumps(plans))
PY
train() { echo "train $*"; nnUNet_n_proc_DA=0 run $training run_training_entry "${@:1:3}" -tr "$4Short" -device cpu "${@:5}"; }
train 101 2d 0 nnUNetTrainerABL
train 101 3d_fullres 0 nnUNetTrainerABL
train 101 3d_fullres 0 nnUNetTrainerGDLABL
train 101 3d_fullres 0 nnUNetTrainerBL
train 101 3d_fullres 0 nnUNetTrainerIABL
train 102 2d 0 nnUNetTrainerGDLABL
train 102 3d_fullres 0 nnUNetTrainerIABL
train 103 2d 0 nnUNetTrainerBL
train 103 3d_fullres 0 nnUNetTrainerABL

# Stopped after one epoch and resumed: alpha goes on, it does not begin again.
folder=$nnUNet_results/Dataset101_Labels/nnUNetTrainerABLShort__nnUNetPlans__3d_fullres/fold_0
"$python" - "$folder" <<'PY'
import sys
from pathlib import Path

import torch

folder = Path(sys.argv[1])
state = torch.load(folder / "checkpoint_final.pth", weights_only=False)
state["current_epoch"] = 1
torch.save(state, folder / "checkpoint_latest.pth")
for path in (folder / "checkpoint_final.pth", *folder.glob("training_log*")):
    path.unlink()
PY
train 101 3d_fullres 0 nnUNetTrainerABL --c
grep -q "Epoch 1" "$folder"/training_log*
grep -q "Alpha: 0.700" "$folder"/training_log*
! grep -q "Alpha: 1.000" "$folder"/training_log* || { echo "alpha began again" >&2; exit 1; }

echo "predict and evaluate"
run nnunetv2.inference.predict_from_raw_data predict_entry_point -i "$nnUNet_raw/Dataset101_Labels/imagesTr" \
    -o "$work/predicted" -d 101 -c 3d_fullres -f 0 -tr nnUNetTrainerABLShort -device cpu -npp 1 -nps 1 --disable_tta -step_size 1
medabl evaluate --pred "$work/predicted" --ref "$work/phantom" --out "$work/evaluation.csv"
test "$(wc -l <"$work/evaluation.csv")" -eq 7
echo "nnU-Net: all passed"
