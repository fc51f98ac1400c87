"""`harness data`: fetch a data set, check one, or write a drawn one to disk."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import UserError
from ..console.terminal import console
from ..watched import watched

if TYPE_CHECKING:
    from ...datasets.cards.base import DatasetCard
    from ...datasets.inspection import Finding

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Get, check or make a data set.")
_SHOWN = 20
"""Findings of one kind that are listed; all are counted."""
Name = Annotated[str, typer.Argument(help="Data set; see: harness list datasets.")]
Options = Annotated[list[str] | None, typer.Option("--set", help="option=value; repeat for more.")]


@app.command()
def get(
    name: Name,
    to: Annotated[str | None, typer.Option(help="Folder for it. [$PARTBENCH_DATA/NAME or ./data/NAME]")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="The licence is accepted: do not ask.")] = False,
    mirror: Annotated[str | None, typer.Option(help="Address of a folder with the owners' files, under their names, to "
                                                    "fetch from instead.")] = None,
) -> None:
    """Download a data set from its owners; run it again to continue after an interruption."""
    from ...datasets import registry
    from ...datasets.fetch.install import downloadable, install
    from ...datasets.fetch.staging import vacant

    card = registry.get(name)
    if card.source:
        _describe(card, Path(to or card.folder()))
    source = downloadable(card)
    folder = vacant(to or card.folder())
    if source.licence and not yes:
        _ask()
    with watched("bytes") as progress:
        try:
            install(card, folder, mirror, progress)
        except KeyboardInterrupt:
            console().print("stopped; the same command continues", markup=False)
            raise
    console().print(f"{card.title} is in {folder}; to open every file: harness data check {name} {folder}",
                    markup=False, soft_wrap=True)


@app.command()
def check(
    name: Name,
    path: Annotated[str, typer.Argument(help="Its folder.")],
    set_: Options = None,
) -> int:
    """Open every file of a data set, and list what is wrong; exits with 1 if anything is."""
    from ...datasets import registry
    from ...datasets.inspection import inspect

    card = registry.get(name)
    settings = card.resolve(_options(card, set_))
    with watched("images") as progress:
        findings = inspect(card, path, settings, lambda done, total: progress("open", done, total))
    if not findings:
        console().print(f"{card.title} in {path}: nothing is wrong", markup=False, soft_wrap=True)
        return 0
    _show(findings)
    return 1


@app.command()
def make(
    name: Name,
    folder: Annotated[str, typer.Argument(help="New or empty folder.")],
    set_: Options = None,
) -> None:
    """Write a drawn data set to disk in CUB's layout, with masks; the reader 'cub' reads it."""
    from ...datasets import registry
    from ...datasets.cub_writer import write
    from ...datasets.fetch.staging import vacant

    card = registry.get(name)
    if not card.generated:
        raise UserError(f"{name} holds photographs, it cannot be drawn; fetch it with: harness data get {name}")
    settings = card.resolve(_options(card, set_))
    target = vacant(folder)
    with watched("images") as progress:
        write(card.load()(None, settings), target, lambda done, total: progress("draw", done, total))
    console().print(f"{card.title} is in {target}; read it with: --dataset cub --data-root {target}", markup=False,
                    soft_wrap=True)


@app.command()
def sheet(
    name: Name,
    file: Annotated[str, typer.Argument(help="PNG to write.")],
    data_root: Annotated[str | None, typer.Option(help="Its folder. [$PARTBENCH_DATA/NAME or ./data/NAME]")] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "train",
    classes: Annotated[int, typer.Option(min=1, max=200, help="Rows.")] = 8,
    each: Annotated[int, typer.Option(min=1, max=20, help="Pictures of a class.")] = 4,
    set_: Options = None,
) -> None:
    """Draw pictures of a data set, each beside itself with its annotations."""
    from ...datasets import load, registry
    from ..sheet import write_sheet

    given = _options(registry.get(name), set_)
    write_sheet(load(name, data_root, **given), split, Path(file), classes, each)
    console().print(f"{file}: {classes} classes of {name}, {split}", markup=False, soft_wrap=True)


def _describe(card: "DatasetCard", folder: Path) -> None:
    source = card.source
    lines = [f"{card.title}: {source.page}"]
    lines += [f"  {archive.url}, {_size(archive.size)}" for archive in source.archives]
    lines.append(f"folder: {folder}, to hold {card.layout}")
    if source.licence:
        lines.append(f"licence: {source.licence}")
    console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _size(size: int | None) -> str:
    if size is None:
        return "of unknown size"
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UserError("the licence has to be accepted and there is no terminal to ask at; read it and pass --yes")
    if not typer.confirm("Do you accept it?"):
        raise UserError("the licence was not accepted; nothing was downloaded")


def _options(card: "DatasetCard", pairs: list[str] | None) -> dict[str, Any]:
    """``["classes=10"]`` -> ``{"classes": 10}``."""
    from ..config import parse_set

    for pair in pairs or ():
        if "=" not in pair:
            raise UserError(f"--set {pair}: write option=value; for options see: harness show {card.name}")
    found = parse_set([f"{card.name}.{pair}" for pair in pairs or ()])
    return {name.removeprefix(f"{card.name}."): value for name, value in found.items()}


def _show(findings: list["Finding"]) -> None:
    from rich.markup import escape
    from rich.table import Table

    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    table = Table("kind", "where", "what", box=None)
    for kind, found in kinds.items():
        for finding in found[:_SHOWN]:
            table.add_row(kind, escape(finding.where), escape(finding.what))
        if len(found) > _SHOWN:
            table.add_row(kind, "", f"and {len(found) - _SHOWN} more")
    table.caption = ", ".join(f"{kind}: {len(found)}" for kind, found in kinds.items())
    console().print(table)
