"""UperNet on the Swin Transformer, from the transformers library."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from medabl.networks.blocks import outputs, require_several_images

_SIZES: dict[str, dict[str, Any]] = {
    "tiny": {
        "embed_dim": 96,
        "depths": (2, 2, 6, 2),
        "num_heads": (3, 6, 12, 24),
        "window_size": 7,
    },
    "base": {
        "embed_dim": 128,
        "depths": (2, 2, 18, 2),
        "num_heads": (4, 8, 16, 32),
        "window_size": 12,
    },
}


class UperNetSwin(nn.Module):
    """UperNet (Xiao et al. 2018) on Swin-T or Swin-B (Liu et al. 2021) with an auxiliary head.

    The parts are those of transformers, built from a configuration: nothing is downloaded. Keys are
    its names, too. With 150 classes it has 59,943,398 (tiny, windows of 7) or 121,417,124
    parameters (base, windows of 12). Stochastic depth rises to 0.3, as published; the heads are
    without the dropout of 0.1 that the published training had, since transformers has none there.

    Args:
        num_classes: number of classes.
        size: "tiny" (Swin-T) or "base" (Swin-B).

    Raises:
        ImportError: if transformers is not installed.
        ValueError: if there is no such size.
    """

    align_corners = False
    BACKBONE = ("backbone", ("hidden_states_norms", "classifier"))

    def __init__(self, num_classes: int, size: str = "tiny") -> None:
        super().__init__()
        try:
            from transformers import SwinConfig, UperNetConfig, UperNetForSemanticSegmentation
        except ImportError as error:
            raise ImportError(
                "UperNetSwin needs transformers: pip install medabl[natural]."
            ) from error
        if size not in _SIZES:
            raise ValueError(f"size must be 'tiny' or 'base'; got {size!r}.")
        stages = [f"stage{number}" for number in range(1, 5)]
        swin = SwinConfig(**_SIZES[size], drop_path_rate=0.3, out_features=stages)
        model = UperNetForSemanticSegmentation(
            UperNetConfig(backbone_config=swin, num_labels=num_classes)
        )
        self.backbone = model.backbone
        # It belongs to Swin as a classifier; left to learn, it would halt distributed training.
        self.backbone.swin.layernorm.requires_grad_(False)
        self.decode_head = model.decode_head
        self.auxiliary_head = model.auxiliary_head

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Map B x 3 x H x W images as ``DeepLabV3ResNet50`` does, with the same error."""
        require_several_images(x, self.decode_head.psp_modules, "UperNetSwin")
        maps = self.backbone(x).feature_maps
        auxiliary = self.auxiliary_head(maps) if self.training else None
        return outputs(x, self.decode_head(maps), auxiliary, align_corners=self.align_corners)


class UperNetSwinBase(UperNetSwin):
    """`UperNetSwin` (Xiao et al. 2018, Liu et al. 2021) of size "base": 121,417,124 parameters.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, size="base")
