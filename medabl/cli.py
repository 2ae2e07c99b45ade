"""The `medabl` command."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from medabl import __version__
from medabl.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    name="medabl",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
console = Console()
errors = Console(stderr=True)


def _tell_version(asked: bool) -> None:
    if asked:
        console.print(f"medabl {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    """Boundary-aware segmentation for medical imaging: train, judge and compare."""


Command = TypeVar("Command", bound=Callable[..., None])


def _says_what_is_wrong(command: Command) -> Command:
    """Turn the errors a user can mend into one sentence and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except InputError as error:
            _stop(str(error))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            _stop(f"No space left on the device while writing {error.filename or 'a file'}.")
        except KeyboardInterrupt:
            errors.print("Interrupted; the same command goes on from here.")
            raise typer.Exit(130) from None

    return wrapped  # type: ignore[return-value]


def _stop(message: str) -> None:
    errors.print(f"[bold red]Error:[/] {_escaped(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(2)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _integers(text: str, option: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in _names(text))
    except ValueError:
        numbers = ()
    if not numbers:
        raise InputError(f"{option} takes whole numbers such as 0,1,2; got {text!r}.")
    return numbers


class PhantomSize(str, Enum):
    """Sizes of the phantom's volumes."""

    small = "small"
    full = "full"


class Preset(str, Enum):
    """Sizes of the comparison."""

    quick = "quick"
    paper = "paper"


class ProtocolName(str, Enum):
    """Families of metrics."""

    all = "all"
    challenge = "challenge"
    surface = "surface"
    slices = "slices"


@app.command()
@_says_what_is_wrong
def phantom(
    out: Annotated[Path, typer.Argument(help="Folder for the cohort.")],
    subjects: Annotated[int, typer.Option(help="How many subjects.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed, another cohort.")] = 0,
    size: Annotated[PhantomSize, typer.Option(help="Size of the volumes.")] = PhantomSize.full,
) -> None:
    """Make a phantom cohort in the WMH challenge's layout."""
    from medabl.data import write_phantom_cohort

    folders = write_phantom_cohort(out, subjects=subjects, seed=seed, size=size.value)
    console.print(f"{len(folders)} subjects in {out}", highlight=False)


@app.command()
@_says_what_is_wrong
def reproduce(
    data: Annotated[
        Path | None, typer.Option(help="Folder with the subjects (default: a phantom cohort)")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path(
        "medabl-out"
    ),
    preset: Annotated[
        Preset, typer.Option(help="quick: minutes on a laptop; paper: the published protocol.")
    ] = Preset.quick,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0",
    modalities: Annotated[str, typer.Option(help="Images to use, in channel order.")] = "flair,t1",
    folds: Annotated[
        int | None,
        typer.Option(
            help="Cross-validate with so many folds (default: one split; few subjects"
            " are held out in turn)"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    losses: Annotated[str, typer.Option(help="Losses to compare.")] = "gdl,gdl_bl,gdl_abl",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Config override key=value; may be repeated."),
    ] = None,
) -> None:
    """Compare GDL, GDL + BL and GDL + ABL: one command, a table, figures and a report."""
    from medabl.engine import parse_overrides
    from medabl.reproduce import Settings
    from medabl.reproduce import reproduce as run

    report = run(
        Settings(
            data=data,
            out=out,
            preset=preset.value,
            seeds=_integers(seeds, "--seeds"),
            modalities=_names(modalities),
            folds=folds,
            device=device,
            methods=_names(losses),
            overrides=parse_overrides(settings or []),
        ),
        console,
    )
    console.print(_comparison(out / "table.csv"))
    console.print(Markdown((out / "answer.md").read_text(encoding="utf-8")))
    console.print(f"Table: {out / 'table.md'} (.csv, .tex)", highlight=False)
    console.print(f"Figures: {out / 'figures'}", highlight=False)
    console.print(f"Runs: {out / 'runs'}", highlight=False)
    console.print(f"Report: {report}", highlight=False)


@app.command()
@_says_what_is_wrong
def train(
    config: Annotated[
        list[str],
        typer.Argument(help="Config files (YAML), later over earlier, then key=value overrides."),
    ],
) -> None:
    """Carry out one run: medabl train wmh.yaml data=ROOT run_dir=OUT method=gdl_abl."""
    from medabl.engine import load_config, parse_overrides
    from medabl.engine import train as run

    files = [
        text for text in config if text.endswith((".yaml", ".yml", ".json")) and "=" not in text
    ]
    if not files:
        raise InputError("Name at least one config file, such as wmh.yaml.")
    overrides = parse_overrides([text for text in config if text not in files])
    folder = run(load_config(files, overrides))
    console.print(f"Run: {folder.path}", highlight=False)


@app.command()
@_says_what_is_wrong
def predict(
    checkpoint: Annotated[Path, typer.Option(help="best.pt or last.pt of a run.")],
    image: Annotated[
        list[Path], typer.Option(help="One image a modality, in the order of training.")
    ],
    out: Annotated[Path, typer.Option(help="Mask to write, .nii.gz.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Segment a scan; the mask lies on the grid of its first image."""
    from medabl.engine import load_predictor, scan_subject

    if not out.name.endswith((".nii.gz", ".nii")):
        raise InputError(f"{out} must end in .nii.gz or .nii.")
    predictor = load_predictor(checkpoint, device)
    path = predictor.write_mask(scan_subject(image, predictor.modalities), out)
    console.print(f"Mask: {path}", highlight=False)


@app.command()
@_says_what_is_wrong
def evaluate(
    pred: Annotated[Path, typer.Option(help="Predicted mask, or a folder of them.")],
    ref: Annotated[Path, typer.Option(help="Reference mask, or a folder of them.")],
    out: Annotated[
        Path | None, typer.Option(help="CSV to write, a row a subject; beside it by site.")
    ] = None,
    protocol: Annotated[ProtocolName, typer.Option(help="Which metrics.")] = ProtocolName.all,
    resample: Annotated[
        bool, typer.Option("--resample", help="Bring predictions onto the references' grids.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out what cannot be judged, and list it.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes (default: all cores)")] = None,
) -> None:
    """Judge masks by reference masks, files or folders."""
    from medabl.evaluation import evaluate_paths, summary_table, write_evaluation

    evaluation = evaluate_paths(
        pred,
        ref,
        protocol=protocol.value,
        resample=resample,
        keep_going=keep_going,
        workers=workers,
    )
    if out is not None:
        write_evaluation(evaluation, out)
    console.print(_as_table(summary_table(evaluation.subjects), len(evaluation.subjects)))
    for row in evaluation.skipped.itertuples():
        errors.print(f"[yellow]left out[/] {_escaped(str(row.reason))}", soft_wrap=True)


def _comparison(path: Path) -> Table:
    """The columns of the comparison that fit a terminal; the files hold them all."""
    import pandas as pd

    table = Table(caption="Slice-wise numbers as published (HD-rows is no distance), 3D ones real.")
    table.add_column("loss", no_wrap=True)
    table.add_column("epoch", no_wrap=True)
    for heading in ("slice DSC", "HD-rows", "3D DSC [95 %]", "HD95 mm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in pd.read_csv(path).to_dict("records"):
        published = row["source"] != "medabl"
        dsc = "" if published else f"{row['dsc']:.3f} [{row['dsc_low']:.2f}, {row['dsc_high']:.2f}]"
        table.add_row(
            row["label"],
            "published" if published else row["epoch"],
            f"{row['slice_dsc']:.3f}",
            f"{row['slice_hd_rows']:.3f}",
            _escaped(dsc),
            "" if published else f"{row['hd95_mm']:.1f}",
            style="dim" if published else "",
        )
    return table


def _number(value: float) -> str:
    """Three digits, nothing for what one subject does not tell."""
    return "" if value != value else f"{value:.3f}"


def _as_table(summary: pd.DataFrame, subjects: int) -> Table:
    """The rows of all sites together, for the screen."""
    table = Table(title=f"{subjects} subject{'s' * (subjects != 1)}")
    table.add_column("metric", no_wrap=True)
    for heading in ("mean", "sd", "median", "95 % interval", "undefined"):
        table.add_column(heading, justify="right")
    for row in summary[summary["site"] == "all"].to_dict("records"):
        numbers = [_number(row[key]) for key in ("mean", "sd", "median")]
        ends = [_number(row[key]) for key in ("ci_low", "ci_high")]
        interval = ", ".join(filter(None, ends))
        table.add_row(row["metric"], *numbers, interval, str(row["n_nan"] or ""))
    return table


@app.command()
@_says_what_is_wrong
def report(
    paths: Annotated[
        list[Path], typer.Argument(help="Run folders, folders of them, or evaluation CSVs.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("medabl-report"),
    reference: Annotated[
        str | None, typer.Option(help="Method that the others are compared with.")
    ] = None,
) -> None:
    """Compare runs: tests, intervals, figures, and report.html that says what they mean."""
    from medabl.report import write_report

    path = write_report(paths, out, reference)
    console.print(Markdown((out / "answer.md").read_text(encoding="utf-8")))
    console.print(f"Report: {path}", highlight=False)
