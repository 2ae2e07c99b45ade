"""Processes that evaluate side by side."""

from __future__ import annotations

import multiprocessing

from medabl.processors import socket_names_fit


def start_method() -> multiprocessing.context.BaseContext:
    """A context whose workers are no copies of this process, which may hold threads and CUDA."""
    methods = multiprocessing.get_all_start_methods()
    if "forkserver" not in methods or not socket_names_fit():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # Imported once, by the process that the workers are forked from.
    context.set_forkserver_preload(["medabl.evaluation.subject", "medabl.evaluation.label_maps"])
    return context


def one_thread() -> None:
    """Let a worker compute on one thread: the processes fill the cores already."""
    import torch

    torch.set_num_threads(1)
