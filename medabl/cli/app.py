"""What all commands share: the application, its consoles, and how mistakes are told."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType

from medabl import __version__
from medabl.errors import DivergedError, InputError, UnfinishedError
from medabl.processors import is_first_process

_PIPE_WIDTH = 250

app = typer.Typer(
    name="medabl",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _console(stderr: bool) -> Console:
    """A console that wraps nothing where it is no terminal."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=_PIPE_WIDTH)


console = _console(stderr=False)
errors = _console(stderr=True)


def _tell_version(asked: bool) -> None:
    if asked:
        tell(f"medabl {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Boundary-aware segmentation for medical imaging: train, evaluate and compare."""


Command = TypeVar("Command", bound=Callable[..., None])


def says_what_is_wrong(command: Command) -> Command:
    """Turn the errors a user can mend into one sentence and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except InputError as error:
            _stop(str(error), 2)
        except (DivergedError, UnfinishedError) as error:
            _stop(str(error), 1)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                _stop(f"No space left on the device while writing {_file(error)}.", 2)
            _stop(f"{_file(error)} cannot be read or written ({error.strerror or error}).", 2)
        except KeyboardInterrupt:
            errors.print("Interrupted; the same command goes on from here.")
            raise typer.Exit(130) from None

    return wrapped  # type: ignore[return-value]


def tell(text: str) -> None:
    """Print a line as it is: no markup, no wrapping."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def show(what: RenderableType) -> None:
    """Print a table or a text with markup; where no terminal is, without spaces at line ends."""
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as captured:
        console.print(what)
    tell("\n".join(line.rstrip() for line in captured.get().splitlines()))


def warn(text: str) -> None:
    """Print a line as it is, on standard error."""
    errors.print(text, markup=False, highlight=False, soft_wrap=True)


def given(context: typer.Context, options: Iterable[str]) -> list[str]:
    """Those of some options that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in options}
    return [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]


def names(text: str) -> tuple[str, ...]:
    """The parts of a text separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def integers(text: str, option: str) -> tuple[int, ...]:
    """Whole numbers separated by commas.

    Raises:
        InputError: naming the option, if there is anything else.
    """
    try:
        numbers = tuple(int(part) for part in names(text))
    except ValueError:
        numbers = ()
    if not numbers:
        raise InputError(f"{option} takes whole numbers such as 0,1,2; got {text!r}.")
    return numbers


def _file(error: OSError) -> str:
    return str(error.filename or "a file")


def _stop(message: str, code: int) -> None:
    if is_first_process():
        errors.print("[bold red]Error:[/]", end=" ")
        warn(message)
    raise typer.Exit(code)
