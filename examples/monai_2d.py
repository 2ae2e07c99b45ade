"""A MONAI script, 2D: distance maps are computed once per image, in the data pipeline."""

import torch
from monai.data import CacheDataset, DataLoader, create_test_image_2d
from monai.metrics import DiceMetric
from monai.networks.nets import UNet
from monai.transforms import Compose, EnsureChannelFirstd, ToTensord
from monai.utils import set_determinism

from medabl.losses import ActiveBoundaryLoss, AlphaScheduledLoss, GeneralizedDiceLoss
from medabl.transforms import BoundaryDistanceMapd

EPOCHS = 8


def main() -> None:
    set_determinism(0)
    options = {"rad_max": 12, "noise_max": 0.3, "num_seg_classes": 1}
    pairs = [create_test_image_2d(64, 64, **options) for _ in range(24)]
    transform = Compose(
        [
            EnsureChannelFirstd(["image", "label"], channel_dim="no_channel"),
            ToTensord(["image", "label"]),
            BoundaryDistanceMapd("label", "distance_map"),
        ]
    )
    samples = [{"image": image, "label": label} for image, label in pairs]
    loader = DataLoader(
        CacheDataset(samples, transform, progress=False), batch_size=4, shuffle=True
    )
    network = UNet(2, 1, 2, channels=(8, 16, 32), strides=(2, 2))
    flags = {"to_onehot_y": True, "softmax": True}
    loss = AlphaScheduledLoss(
        GeneralizedDiceLoss(**flags), ActiveBoundaryLoss(**flags), alpha_end=0.5, epochs=EPOCHS
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for epoch in range(EPOCHS):
        loss.set_epoch(epoch)
        for batch in loader:
            optimizer.zero_grad()
            logits = network(batch["image"])
            value = loss(logits, batch["label"], distance_map=batch["distance_map"])
            value.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {value.item():.3f}")

    dice = DiceMetric(include_background=False, num_classes=2)
    for batch in loader:
        dice(network.eval()(batch["image"]).argmax(1, keepdim=True), batch["label"])
    print(f"Dice {dice.aggregate().item():.3f}")


if __name__ == "__main__":
    main()
