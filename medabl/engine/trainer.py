"""MONAI's trainer, with the loss scaling that its precision asks for."""

from __future__ import annotations

from typing import Any

import torch
from monai.engines import SupervisedTrainer


class Trainer(SupervisedTrainer):
    """MONAI's `SupervisedTrainer`, which scales losses under float16 only.

    bfloat16 needs no scaling, whose search for infinities waits for the device in every step.

    Args:
        amp_kwargs: keywords of `torch.autocast`, its ``dtype`` among them.
        kwargs: everything else `SupervisedTrainer` takes.
    """

    def __init__(self, *, amp_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(amp_kwargs=amp_kwargs, **kwargs)
        if self.amp and (amp_kwargs or {}).get("dtype") is not torch.float16:
            self.scaler = torch.amp.GradScaler(enabled=False)
