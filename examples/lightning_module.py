"""GDL + ABL in a Lightning module: 3D patches, three classes, labels 255 ignored.

    python examples/lightning_module.py

The loss is a part of the module, so that Lightning saves alpha with the weights and a resumed run
goes on with it.
"""

import pytorch_lightning as pl
import torch
from monai.networks.nets import UNet
from torch.utils.data import DataLoader, Dataset

from medabl.losses import ActiveBoundaryLoss, AlphaScheduledLoss, GeneralizedDiceLoss


class Segmenter(pl.LightningModule):
    def __init__(self, epochs: int, spacing: tuple[float, float, float]) -> None:
        super().__init__()
        self.network = UNet(3, 1, 3, channels=(8, 16, 32), strides=(2, 2))
        options = {"softmax": True, "to_onehot_y": True, "ignore_index": 255}
        self.loss = AlphaScheduledLoss(
            GeneralizedDiceLoss(**options),
            ActiveBoundaryLoss(**options, spacing=spacing),
            alpha_end=0.5,
            epochs=epochs,
        )

    def on_train_epoch_start(self) -> None:
        self.loss.set_epoch(self.current_epoch)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        image, label = batch
        loss = self.loss(self.network(image), label)
        self.log_dict({"loss": loss, "alpha": self.loss.alpha}, on_epoch=True, on_step=False)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 1e-3)


class Balls(Dataset):
    """Bright balls in noise, in place of your patches: 1 x 32 x 32 x 16 and labels."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        grid = torch.stack(torch.meshgrid(*map(torch.arange, (32, 32, 16)), indexing="ij"))
        distance = (grid - torch.tensor([16, 12 + index, 8]).view(3, 1, 1, 1)).square().sum(0)
        label = (distance < 36).long() + (distance < 9)
        return (label + 0.3 * torch.randn(label.shape))[None].float(), label[None]


if __name__ == "__main__":
    trainer = pl.Trainer(max_epochs=2, accelerator="cpu", enable_progress_bar=False)
    trainer.fit(Segmenter(epochs=2, spacing=(1, 1, 3)), DataLoader(Balls(), batch_size=4))
    print({name: round(float(value), 3) for name, value in trainer.callback_metrics.items()})
