"""The one error a user of the command line is meant to read."""


class InputError(ValueError):
    """Something the user gave (a file, a folder, an argument) cannot be used.

    The message is one sentence that names it and says what to do; the command line prints it
    without a traceback.
    """


class DivergedError(RuntimeError):
    """A training whose loss is no number any more."""
