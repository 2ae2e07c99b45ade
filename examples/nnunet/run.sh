#!/usr/bin/env bash
# nnU-Net v2 with ABL, from a data set in any layout that medabl reads to the evaluation:
#   pip install 'medabl[nnunet]'
#   bash examples/nnunet/run.sh DATA WORK
set -euo pipefail
data=$1 work=$2
export nnUNet_raw=$work/raw nnUNet_preprocessed=$work/preprocessed nnUNet_results=$work/results
# Where nnU-Net looks for trainers, in training and in prediction; the second folder is for your own.
nnUNet_extTrainer=$(python -m medabl.nnunet):$(dirname "$0")
export nnUNet_extTrainer

medabl convert --data "$data" --to nnunet --out "$nnUNet_raw/Dataset101_WMH"
nnUNetv2_plan_and_preprocess -d 101 -c 3d_fullres --verify_dataset_integrity
nnUNetv2_train 101 3d_fullres 0 -tr nnUNetTrainerABL # stopped? the same with --c
nnUNetv2_predict -i "$nnUNet_raw/Dataset101_WMH/imagesTr" -o "$work/predicted" -d 101 -c 3d_fullres -f 0 \
    -tr nnUNetTrainerABL
medabl evaluate --pred "$work/predicted" --ref "$data" --out "$work/evaluation.csv"
