"""Weights from a local file into a network, under the key names that they were published with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from medabl.errors import InputError

_WRAPPERS = ("state_dict", "model", "network")
"""Entries under which training scripts keep the weights beside an optimizer and an epoch."""

_PREFIXES = ("", "module.", "model.", "module.model.")
"""What DistributedDataParallel and a module that holds network and loss put before a name."""

_RENAMED = (
    (r"^backbone\.(embeddings|encoder)\.", r"backbone.swin.\1."),
    (r"attention\.self\.(query|key|value)\.", lambda found: f"attention.{found[1][0]}_proj."),
    (r"attention\.self\.relative", "attention.relative_position_bias.relative"),
    (r"attention\.output\.dense\.", "attention.o_proj."),
    (r"intermediate\.dense\.", "mlp.fc1."),
    (r"(\d)\.output\.dense\.", r"\1.mlp.fc2."),
)
"""Names in files saved by transformers 4, and what version 5 calls them."""

_UNUSED = (
    "num_batches_tracked",
    "relative_position_index",
    "swin.layernorm.weight",
    "swin.layernorm.bias",
)
"""Ends of names that a file may lack or have beyond the network: no output depends on them."""

_SHOWN = 4


def load_weights(network: nn.Module, path: str | Path, ignore: str | Sequence[str] = ()) -> None:
    """Load a checkpoint into a network, all of it or nothing.

    The file is one that ``torch.save`` wrote: a ``state_dict``, or a dictionary with one under
    "state_dict", "model" or "network"; names may begin with "module." or "model.". Only tensors and
    plain data are read (``weights_only=True``), so the file can run no code.

    Args:
        network: any module; where weights of a backbone are to be loaded, that backbone.
        path: the file.
        ignore: beginnings of names that need not be in the file and are not read from it, such as
            the heads for other classes.

    Raises:
        InputError: if the file cannot be read, is of another architecture, lacks a tensor of the
            network, or holds one that the network has not or has in another shape.

    Example:
        >>> load_weights(network, "cityscapes.pth", ignore=["classifier.4"])  # doctest: +SKIP
    """
    path = Path(path)
    ignored = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    wanted = _without(ignored, network.state_dict())
    found = _without(ignored, _todays_names(_read(path), wanted))
    _check(path, type(network).__name__, _used(wanted), _used(found))
    network.load_state_dict(found, strict=False)


def _without(ignored: tuple[str, ...], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith(ignored)}


def _used(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.endswith(_UNUSED)}


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors in a file by their names in it."""
    if not path.is_file():
        raise InputError(f"{path} is no file; give the path of a downloaded or saved checkpoint.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(
            f"{path} is no checkpoint of tensors alone that torch can read; save"
            " network.state_dict() with torch.save, and that only."
        ) from error
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = {}
    if isinstance(content, Mapping):
        tensors = {str(key): value for key, value in content.items() if torch.is_tensor(value)}
    if not tensors:
        raise InputError(f"{path} holds no weights: a dictionary of named tensors is expected.")
    return tensors


def _todays_names(found: dict[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of the network in the file, under today's names and without a prefix."""
    names = set(wanted)
    candidates = (
        {
            _today(name.removeprefix(prefix), names): tensor
            for name, tensor in found.items()
            if name.startswith(prefix)
        }
        for prefix in _PREFIXES
    )
    return max(candidates, key=lambda candidate: len(names & candidate.keys()))


def _today(name: str, names: set[str]) -> str:
    if name in names:
        return name
    for old, new in _RENAMED:
        name = re.sub(old, new, name)
    return name


def _check(
    path: Path, network: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> None:
    """Refuse tensors that are missing, left over or of another shape, and say which."""
    common = [name for name in wanted if name in found]
    reshaped = [name for name in common if wanted[name].shape != found[name].shape]
    fitting = len(common) - len(reshaped)
    if 2 * fitting <= len(wanted):
        contents = f"The network has {_some(wanted)}; the file has {_some(found)}."
        if 2 * len(reshaped) > len(wanted):  # the same network, wider or narrower
            shapes = _some(_shapes(name, wanted, found) for name in reshaped)
            contents = f"Of another shape are {shapes}."
        raise InputError(
            f"{path} is of another architecture than {network}: {fitting} of the network's"
            f" {len(wanted)} tensors are in it with their name and shape. {contents}"
        )
    complaints = [
        f"{word} {_some(names)}"
        for word, names in (
            ("missing", [name for name in wanted if name not in found]),
            ("unexpected", [name for name in found if name not in wanted]),
            ("of another shape", [_shapes(name, wanted, found) for name in reshaped]),
        )
        if names
    ]
    if complaints:
        raise InputError(
            f"{path} does not fit {network}: {'; '.join(complaints)}. Build the network with the"
            " checkpoint's classes and heads, or name what to leave out in ignore."
        )


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _shapes(name: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    here, there = (" x ".join(map(str, state[name].shape)) for state in (wanted, found))
    return f"{name} ({there} in the file, {here} in the network)"
