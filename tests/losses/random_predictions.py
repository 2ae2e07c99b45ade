"""Predictions to try losses on."""

import torch
import torch.nn.functional as F

FLAGS = {"to_onehot_y": True, "softmax": True}


def blobs(seed, batch, classes, *spatial):
    """Smooth random logits, as of a network, in float32."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, classes, *[max(2, s // 8) for s in spatial], generator=generator)
    mode = "bilinear" if len(spatial) == 2 else "trilinear"
    return F.interpolate(coarse, spatial, mode=mode) * 5


def labels_like(logits, seed):
    return blobs(seed, logits.shape[0], max(2, logits.shape[1]), *logits.shape[2:]).argmax(
        1, keepdim=True
    )


def noise(seed, *shape, scale=2.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype) * scale


def unrelated(seed, classes, spatial):
    """Logits and labels of two images that know nothing of each other, in float64."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, *spatial, generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, classes, (2, 1, *spatial), generator=generator)


def gradient_of(loss, logits, *args, **kwargs):
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, *args, **kwargs)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    return value.detach(), gradient
