"""Network and loss of a run that several processes carry out, equal to those of a single one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from medabl.losses import ActiveBoundaryLoss
from medabl.processors import process_count


def parallel(network: nn.Module) -> nn.Module:
    """The network with gradients averaged over all processes, itself if there is but one.

    Its batch norms are made ones of the whole batch, in place.
    """
    if process_count() == 1:
        return network
    on_cuda = next(network.parameters()).is_cuda
    if on_cuda:
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
    else:
        _share_batch_norms(network)
    return DistributedDataParallel(network, broadcast_buffers=False)


class BatchLoss(nn.Module):
    """A loss that is a mean over images, taken over the images of all processes.

    Its value is the same in every process; its gradient is such that the mean over the processes,
    which `DistributedDataParallel` takes, is that of the whole batch. Active boundary losses in it,
    which are means over the images that add something, count those of all processes.

    Args:
        loss: of this process's images.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss
        for part in loss.modules():
            if isinstance(part, ActiveBoundaryLoss):
                setattr(part, "_count", _count_in_all)  # noqa: B010 - a method of this one alone

    def forward(self, logits: Tensor | list[Tensor], target: Any) -> Tensor:
        """Logits b x C x H x W of b images, or a list of them, and their target to a scalar."""
        images = len(logits if isinstance(logits, Tensor) else logits[0])
        value = self.loss(logits, target)
        sums = torch.stack([value.detach() * images, value.new_tensor(float(images))])
        torch.distributed.all_reduce(sums)
        share = value * (images * process_count() / sums[1])
        return share + (sums[0] / sums[1] - share).detach()


def batch_loss(loss: nn.Module) -> nn.Module:
    """The loss over the images of all processes, itself if there is but one."""
    return loss if process_count() == 1 else BatchLoss(loss)


def _count_in_all(adds: Tensor) -> Tensor:
    """This process's share of the images that add something to a loss, as if all had as many."""
    sums = torch.stack([adds.sum(), adds.new_tensor(adds.numel(), dtype=torch.long)])
    torch.distributed.all_reduce(sums)
    return sums[0].clamp_min(1) * adds.numel() / sums[1]


class SharedBatchNorm(_BatchNorm):
    """Batch norm over the images of all processes, on the CPU, where torch's `SyncBatchNorm` fails.

    Parameters, buffers and results are those of `torch.nn.BatchNorm2d` and the like.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of spatial axes."""

    def forward(self, input: Tensor) -> Tensor:
        """B x C x ... to the same shape; in training with the statistics of all processes."""
        if not self.training:
            return super().forward(input)
        axes = [axis for axis in range(input.ndim) if axis != 1]
        shape = [1, -1, *[1] * (input.ndim - 2)]
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        count = _sum_of_all(values.new_tensor(float(values.numel() // values.shape[1])))
        mean = _sum_of_all(values.sum(axes)) / count
        centred = values - mean.view(shape)
        variance = _sum_of_all(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach(), count)
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            centred = centred * (scale * self.weight).view(shape) + self.bias.view(shape)
        else:
            centred = centred * scale.view(shape)
        return centred.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        step = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, step)
        self.running_var.lerp_(variance * count / (count - 1), step)


class _SumOfAll(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, part: Tensor) -> Tensor:
        total = part.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        # Every process's loss depends on this process's part.
        return _SumOfAll.forward(context, gradient)


def _sum_of_all(part: Tensor) -> Tensor:
    """The sum of a tensor over all processes, through which gradients flow."""
    total: Tensor = _SumOfAll.apply(part)
    return total


def _share_batch_norms(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            shared = SharedBatchNorm(
                child.num_features,
                child.eps,
                child.momentum,
                child.affine,
                child.track_running_stats,
            )
            # Its own parameters and buffers: the optimiser holds them already.
            shared._parameters, shared._buffers = child._parameters, child._buffers
            setattr(module, name, shared.train(child.training))
        else:
            _share_batch_norms(child)
