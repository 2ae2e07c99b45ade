"""Which images a data set has instead of those that were asked for."""

from __future__ import annotations

from collections.abc import Sequence


def there_instead(asked: Sequence[str], there: Sequence[str]) -> str:
    """The modalities that are there as the setting takes them, in the order that was asked for.

    Args:
        asked: modalities that were asked for, any case.
        there: those of the data set, lower case; what nobody asked for comes last.
    """
    order = [name.lower() for name in asked]
    return ",".join(dict.fromkeys([*(n for n in order if n in there), *there]))
