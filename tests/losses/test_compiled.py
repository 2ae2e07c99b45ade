"""torch.compile with its default backend: new shapes, new batch sizes, MONAI's tensors."""

import shutil

import pytest
import torch
from monai.data import MetaTensor

from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    CCDiceCELoss,
    ComponentTverskyLoss,
    CrossEntropyLoss,
    FullKLLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
    RegionWiseLoss,
    ScheduledSum,
)

pytestmark = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler"
)

FLAGS = {"to_onehot_y": True, "softmax": True}
LOSSES = {
    "ABL released, ignoring": ActiveBoundaryLoss(**FLAGS, variant="released", ignore_index=255),
    "BL, ignoring": BoundaryLoss(**FLAGS, ignore_index=2),
    "FKL": FullKLLoss(**FLAGS),
    "GDL + ABL": AlphaScheduledLoss(
        GeneralizedDiceLoss(**FLAGS, ignore_index=255), ActiveBoundaryLoss(**FLAGS), alpha_start=0.5
    ),
    "Lovasz": LovaszSoftmaxLoss(**FLAGS),
    "CC-DiceCE": CCDiceCELoss(**FLAGS, predicted_cells=True),
    "CE + CAT + RRW": ScheduledSum(
        {
            "ce": {"loss": CrossEntropyLoss(**FLAGS)},
            "cat": {"loss": ComponentTverskyLoss(**FLAGS), "weight": 0.1},
            "rrw": {"loss": RegionWiseLoss(**FLAGS, ignore_index=2)},
        }
    ),
}


def example(shape):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=generator)
    stripes = torch.arange(shape[-1]) * shape[1] // shape[-1]
    return logits, stripes.expand(shape[0], 1, *shape[2:]).contiguous()


def run(loss, logits, target):
    logits = logits.clone().requires_grad_()
    value = loss(logits, target)
    (gradient,) = torch.autograd.grad(value, logits)
    return value.detach(), gradient


@pytest.mark.parametrize("kind", [torch.Tensor, MetaTensor], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", list(LOSSES))
def test_compiled_loss_is_the_loss_at_two_batch_sizes(name, kind):
    torch._dynamo.reset()
    compiled = torch.compile(LOSSES[name])
    for batch in (2, 3):
        logits, labels = example((batch, 3, 20, 20))
        value, gradient = run(
            compiled, logits, MetaTensor(labels) if kind is MetaTensor else labels
        )
        expected, expected_gradient = run(LOSSES[name], logits, labels)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("shape", [(1, 2, 17, 33), (2, 5, 8, 8), (2, 2, 9, 8, 7)])
def test_active_boundary_loss_compiles_first_at_any_shape(shape):
    torch._dynamo.reset()
    loss = ActiveBoundaryLoss(**FLAGS)
    compiled = torch.compile(loss, fullgraph=True)
    logits, labels = example(shape)
    value, gradient = run(compiled, logits, labels)
    expected, expected_gradient = run(loss, logits, labels)
    assert expected > 0
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, expected_gradient)
