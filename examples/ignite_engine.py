"""MONAI's engines (Ignite): a handler sets alpha, metrics of medabl choose the best epoch."""

import torch
from monai.data import DataLoader, Dataset, create_test_image_2d
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import IgniteMetricHandler, StatsHandler, ValidationHandler
from monai.networks.nets import UNet
from monai.utils import set_determinism

from medabl.engine import AlphaScheduleHandler, predicted_class
from medabl.losses import AlphaScheduledLoss, BoundaryLoss, GeneralizedDiceLoss
from medabl.metrics import SliceDiceMetric

EPOCHS = 6


def discs(count: int) -> Dataset:
    """Noisy discs and their labels, 1 x 64 x 64 each."""
    options = {"rad_max": 12, "noise_max": 0.3, "num_seg_classes": 1}
    pairs = (create_test_image_2d(64, 64, **options) for _ in range(count))
    return Dataset([{"image": image[None], "label": label[None]} for image, label in pairs])


def main() -> None:
    set_determinism(0)
    network = UNet(2, 1, 2, channels=(8, 16, 32), strides=(2, 2))
    flags = {"to_onehot_y": True, "softmax": True}
    loss = AlphaScheduledLoss(
        GeneralizedDiceLoss(**flags), BoundaryLoss(**flags), strategy="increase", epochs=EPOCHS
    )
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(discs(8), batch_size=4),
        network=network,
        key_val_metric={
            "dice": IgniteMetricHandler(SliceDiceMetric(), output_transform=predicted_class)
        },
        decollate=False,
    )
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=EPOCHS,
        train_data_loader=DataLoader(discs(24), batch_size=4, shuffle=True),
        network=network,
        optimizer=torch.optim.Adam(network.parameters(), 1e-2),
        loss_function=loss,
        train_handlers=[
            AlphaScheduleHandler(loss),
            ValidationHandler(1, evaluator),
            StatsHandler(output_transform=lambda output: output["loss"].item()),
        ],
        decollate=False,
    )
    trainer.run()
    print(f"Dice {evaluator.state.best_metric:.3f}")


if __name__ == "__main__":
    main()
