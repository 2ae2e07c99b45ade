"""Plain PyTorch, 2D: a small network learns noisy discs with Dice and the active boundary loss."""

import torch
from torch import nn

from medabl.losses import ActiveBoundaryLoss, AlphaScheduledLoss, GeneralizedDiceLoss

EPOCHS = 15


def discs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels, both count x 1 x 48 x 48."""
    y, x = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    centre = torch.randint(16, 32, (count, 2, 1, 1))
    radius = torch.randint(6, 14, (count, 1, 1))
    labels = ((y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 <= radius**2).long()[:, None]
    return labels + 0.7 * torch.randn(labels.shape), labels


def main() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 16, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 2, 1),
    )
    flags = {"to_onehot_y": True, "softmax": True}
    loss = AlphaScheduledLoss(
        region_loss=GeneralizedDiceLoss(**flags),
        boundary_loss=ActiveBoundaryLoss(**flags),
        alpha_end=0.5,
        epochs=EPOCHS,
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for epoch in range(EPOCHS):
        loss.set_epoch(epoch)
        images, labels = discs(16)
        optimizer.zero_grad()
        value = loss(network(images), labels)
        value.backward()
        optimizer.step()
        print(f"epoch {epoch}: alpha {loss.alpha:.2f}, loss {value.item():.3f}")

    images, labels = discs(32)
    predicted = network(images).argmax(1, keepdim=True)
    dice = 2 * (predicted * labels).sum() / (predicted.sum() + labels.sum())
    print(f"Dice {dice.item():.3f}")


if __name__ == "__main__":
    main()
