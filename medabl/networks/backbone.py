"""The published beginning of a network: a backbone that was trained on ImageNet."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from medabl.networks.weights import load_weights


def load_backbone(network: nn.Module, path: str | Path | None) -> None:
    """Load the weights of a network's backbone; all else keeps its initial weights.

    The networks of the paper's image tables (Wang et al. 2022) know which part that is, and which
    names of the file belong to ImageNet's classifier.

    Args:
        network: with an attribute ``BACKBONE``: the name of the part, "" for the network itself,
            and the beginnings of names that need not fit.
        path: the file; None does nothing.

    Raises:
        InputError: as `load_weights`.
        ValueError: if the network does not say what its backbone is.
    """
    if path is None:
        return
    described: tuple[str, tuple[str, ...]] | None = getattr(type(network), "BACKBONE", None)
    if described is None:
        raise ValueError(f"{type(network).__name__} has no backbone to load weights into.")
    part, others = described
    load_weights(network.get_submodule(part), path, ignore=others)
