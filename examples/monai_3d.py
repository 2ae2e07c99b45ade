"""A MONAI script, 3D with thick slices: the losses take distances in mm, one sigmoid channel."""

import torch
from monai.data import DataLoader, Dataset, create_test_image_3d
from monai.losses import DiceLoss
from monai.networks.nets import UNet
from monai.transforms import Compose, EnsureChannelFirstd, ToTensord
from monai.utils import set_determinism

from medabl.losses import ActiveBoundaryLoss
from medabl.metrics import volume_metrics

SPACING = (1.0, 1.0, 3.0)  # mm
EPOCHS = 6


def main() -> None:
    set_determinism(0)
    options = {"rad_min": 3, "rad_max": 6, "noise_max": 0.3, "num_seg_classes": 1}
    pairs = [create_test_image_3d(32, 32, 16, **options) for _ in range(12)]
    transform = Compose(
        [
            EnsureChannelFirstd(["image", "label"], channel_dim="no_channel"),
            ToTensord(["image", "label"]),
        ]
    )
    samples = [{"image": image, "label": label} for image, label in pairs]
    loader = DataLoader(Dataset(samples, transform), batch_size=2, shuffle=True)
    network = UNet(3, 1, 1, channels=(8, 16), strides=(2,))
    region_loss = DiceLoss(sigmoid=True)
    boundary_loss = ActiveBoundaryLoss(sigmoid=True, max_distance=10.0, spacing=SPACING)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for epoch in range(EPOCHS):
        for batch in loader:
            optimizer.zero_grad()
            logits = network(batch["image"])
            value = region_loss(logits, batch["label"])
            value = value + 0.1 * boundary_loss(logits, batch["label"])
            value.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {value.item():.3f}")

    batch = next(iter(loader))
    predicted = (network.eval()(batch["image"]) > 0)[0, 0]
    metrics = volume_metrics(predicted, batch["label"][0, 0], SPACING)
    print(f"HD95 {metrics['hd95']:.1f} mm")
    print(f"Dice {metrics['dsc']:.3f}")


if __name__ == "__main__":
    main()
