"""The tables of Wang et al. (AAAI 2022) as published: ``published/table<N>.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

TABLES = range(1, 9)
"""The numbers of the paper's tables."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Part):
    """A column of numbers.

    Attributes:
        heading: what stands above it.
        metric: which of a run's metrics it shows; empty where the rows say so.
        of: the class (key ``class``), ``all`` for what holds for all of them.
    """

    heading: str
    metric: str = ""
    of: str = Field("all", alias="class")


class Row(_Part):
    """A row: what was compared, and its published numbers.

    Attributes:
        label: an entry for each of the table's `labels`.
        published: a number for each column, None where the paper has a dash.
        metric: the metric of its columns, where these leave it open.
        run: settings that tell its run from the sweep's others; None for another's method.
        start: whether the numbers are those of the weights the run begins with.
    """

    label: tuple[str, ...]
    published: tuple[float | None, ...]
    metric: str = ""
    run: dict[str, Any] | None = None
    start: bool = False


class Miniature(_Part):
    """The generated data that stand in for the real ones.

    Attributes:
        layout: which of `medabl.miniatures`.
        network: what is trained in place of the table's networks.
        configs: config files laid over the sweep's for them.
        first: and over those for the run that makes the weights which the sweep's begin with.
    """

    layout: str
    network: str
    configs: tuple[str, ...] = ()
    first: tuple[str, ...] = ()


class PublishedTable(_Part):
    """A table of the paper.

    Attributes:
        title: what it shows.
        data: what the published numbers were measured on.
        miniature: what stands in for these data; None where the sweep's data do.
        labels: headings of the rows' labels.
        columns: the columns of numbers.
        rows: the rows.
        percent: whether the numbers are in percent; a run's metrics are shares.

    Raises:
        pydantic.ValidationError: if a row has too few or too many entries.
    """

    title: str
    data: str
    miniature: Miniature | None = None
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    percent: bool = True

    @model_validator(mode="after")
    def _agree(self) -> PublishedTable:
        for row in self.rows:
            if len(row.label) != len(self.labels) or len(row.published) != len(self.columns):
                raise ValueError(f"{row.label}: an entry for every label and column is needed")
        return self


def read_published(number: int) -> PublishedTable:
    """Table `number` of the paper, from 1 to 8."""
    path = Path(__file__).parent / "published" / f"table{number}.yaml"
    return PublishedTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
