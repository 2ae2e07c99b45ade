"""A trained network as a file that needs none of its code, checked against the network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

from medabl.errors import InputError
from medabl.files import atomic_path

_TOLERANCE = 1e-4  # of the largest logit


def write_torchscript(network: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    """Write a network as TorchScript.

    Args:
        network: maps B x C x ... to logits.
        shape: of its input, without the batch.
        path: ``.ts``.

    Raises:
        InputError: if the file does not do what the network does, also for another batch size.
    """
    with warnings.catch_warnings(), torch.no_grad():
        # Deprecated, but the one format that MONAI's bundles and older PyTorch read.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, torch.zeros(2, *shape))
    with atomic_path(path) as temporary:
        torch.jit.save(traced, temporary)
    loaded = torch.jit.load(path)
    _check(network, lambda batch: loaded(batch), shape, path)


def write_onnx(network: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    """Write a network as ONNX, for any batch size; input ``image``, output ``pred``.

    Args:
        network: maps B x C x ... to logits.
        shape: of its input, without the batch.
        path: ``.onnx``.

    Raises:
        InputError: if the file does not do what the network does.
    """
    import onnxruntime

    with warnings.catch_warnings(), atomic_path(path) as temporary:
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(2, *shape),),
            temporary,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["image"],
            output_names=["pred"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(batch: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(["pred"], {"image": batch.numpy()})[0])

    _check(network, run, shape, path)


def check_onnx_is_installed() -> None:
    """See that `write_onnx` has the packages it needs.

    Raises:
        InputError: naming the one that is missing.
    """
    for name in ("onnx", "onnxruntime", "onnxscript"):
        if find_spec(name) is None:
            raise InputError(f"--onnx needs the package {name!r}: pip install 'medabl[onnx]'.")


@torch.no_grad()
def _check(
    network: nn.Module,
    exported: Callable[[torch.Tensor], torch.Tensor],
    shape: tuple[int, ...],
    path: Path,
) -> None:
    generator = torch.Generator().manual_seed(0)
    for batch_size in (1, 3):
        batch = torch.rand(batch_size, *shape, generator=generator)
        expected = network(batch)
        difference = float((exported(batch) - expected).abs().max())
        if not np.isfinite(difference) or difference > _TOLERANCE * float(expected.abs().max()):
            raise InputError(
                f"{path} gives other logits than the network (by {difference:.2g}): this network"
                " cannot be exported."
            )
