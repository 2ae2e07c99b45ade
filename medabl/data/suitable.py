"""Whether a data set is one that a task is about, by how it lies on disk."""

from __future__ import annotations

from pathlib import Path

from medabl.data.layouts import LAYOUTS, Layout, table
from medabl.data.subjects import find_layout
from medabl.errors import InputError
from medabl.files import reading
from medabl.task import Task

_SHOWN = 4


def check_suitable(data: str | Path, task: Task) -> None:
    """See that a data set lies in a layout that holds what a task is about.

    A table of subjects may hold anything; what it holds is seen when its files are read.

    Args:
        data: the folder, or the path of a table.
        task: its `images` and `layout` are held against the data set; where it says neither,
            any data set will do.

    Raises:
        InputError: naming the layout that was expected and what was found.
    """
    if task.images is None and task.layout is None:
        return
    expected = [layout for layout in LAYOUTS if _suits(layout, task)]
    if not expected:
        known = ", ".join(layout.NAME for layout in LAYOUTS if layout is not table)
        raise InputError(f"task::layout={task.layout} is none of the known layouts: {known}.")
    root = Path(data).expanduser()
    with reading(root):
        layout = find_layout(root)
        if layout is table or layout in expected:
            return
        found = _contents(root) if layout is None else f"{layout.IMAGES} ({layout.NAME})"
    looked_for = "; ".join(layout.LOOKS_FOR for layout in expected)
    raise InputError(
        f"{root} holds {found}, but the task {task.name} needs {task.images or 'data'}: looked for"
        f" {looked_for}. Name another data set, or the config of another task."
    )


def _suits(layout: Layout, task: Task) -> bool:
    return task.images in (None, layout.IMAGES) and task.layout in (None, layout.NAME)


def _contents(root: Path) -> str:
    """The first names of a folder, in words."""
    names = sorted(path.name for path in root.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}" if names else "nothing"
