"""A Lightning module, 3D: GDL + ABL; alpha is saved with the weights, and resumed with them."""

import pytorch_lightning as pl
import torch
from monai.data import create_test_image_3d
from monai.networks.nets import UNet
from torch.utils.data import DataLoader

from medabl.losses import ActiveBoundaryLoss, AlphaScheduledLoss, GeneralizedDiceLoss
from medabl.metrics import volume_metrics

SPACING = (1.0, 1.0, 3.0)  # mm
EPOCHS = 8


class Segmenter(pl.LightningModule):
    """The loss is a part of the module, so that Lightning saves it."""

    def __init__(self) -> None:
        super().__init__()
        self.network = UNet(3, 1, 2, channels=(8, 16), strides=(2,))
        flags = {"softmax": True, "to_onehot_y": True}
        boundary_loss = ActiveBoundaryLoss(**flags, max_distance=10.0, spacing=SPACING)
        self.loss = AlphaScheduledLoss(
            GeneralizedDiceLoss(**flags), boundary_loss, alpha_end=0.7, epochs=EPOCHS
        )

    def on_train_epoch_start(self) -> None:
        """Set alpha."""
        self.loss.set_epoch(self.current_epoch)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """Take the loss of an image and its labels."""
        image, label = batch
        return self.loss(self.network(image), label)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), 1e-2)


def scans() -> DataLoader:
    options = {"rad_min": 3, "rad_max": 6, "noise_max": 0.3, "num_seg_classes": 1}
    pairs = [create_test_image_3d(32, 32, 16, **options) for _ in range(12)]
    tensors = [[torch.from_numpy(array)[None] for array in pair] for pair in pairs]
    return DataLoader(tensors, batch_size=2, shuffle=True)


if __name__ == "__main__":
    pl.seed_everything(0)
    module, loader = Segmenter(), scans()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    pl.Trainer(max_epochs=EPOCHS, accelerator="cpu", **quiet).fit(module, loader)
    image, label = loader.dataset[0]
    mask = module.eval().network(image[None]).argmax(1)[0]
    print(f"Dice {volume_metrics(mask, label[0], SPACING)['dsc']:.3f}")
