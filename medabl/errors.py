"""The errors that a user of the command line is meant to read."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(ValueError):
    """Something the user gave (a file, a folder, an argument) cannot be used.

    The message is one sentence that names it and says what to do; the command line prints it
    without a traceback.
    """


class ConfigError(InputError):
    """A config with mistakes.

    Attributes:
        problems: what is wrong, a sentence each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        many = [f"{len(problems)} things are wrong:"] if len(problems) > 1 else []
        super().__init__("\n".join([*many, *problems]))


class MissingImageError(InputError):
    """A data set without an image that was asked for.

    Args:
        missing: what is missing, and what is there; kept as an attribute, for who knows a better
            way out.
        mend: what to do, the end of the sentence.
    """

    def __init__(self, missing: str, mend: str) -> None:
        self.missing = missing
        super().__init__(f"{missing}; {mend}.")


class UnfinishedError(RuntimeError):
    """Runs that were asked for and are not done."""


class DivergedError(RuntimeError):
    """A training whose loss is no number any more."""
