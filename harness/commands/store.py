"""`harness store`: what is wrong in a folder of results, mending that, and making one folder of several."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from ..console.terminal import console
from ..watched import watched

if TYPE_CHECKING:
    from ...leaderboard.store_care import Finding

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None,
                  help="Look after folders of results: check, repair, merge.")
_SHOWN = 30  # findings of one kind
Folders = Annotated[list[str], typer.Argument(metavar="DIR...", help="Folders of results.")]


@app.command()
def check(folders: Folders) -> int:
    """Read every file of folders of results and list what is wrong; nothing is written; exits with 1 if anything is."""
    from ...leaderboard.store_care import check_results
    from ..results.at_hand import files_at_hand

    damaged = False
    for folder in folders:
        local = files_at_hand(folder).folder
        with watched("files") as progress:
            findings = check_results(local, progress)
        _show(folder, findings)
        damaged |= any(finding.is_damage for finding in findings)
    return int(damaged)


@app.command()
def repair(folders: Folders) -> int:
    """Move torn and foreign files to DIR/aside, remove what dead processes left, build the leaderboard again."""
    from ...errors import UserError
    from ...leaderboard.address import checked_address, is_url
    from ...leaderboard.files import Folder
    from ...leaderboard.store_care import repair_results
    from ..schedule.leases import remove_abandoned

    left = False
    for folder in folders:
        if is_url(folder):
            raise UserError(f"{checked_address(folder)}: repair moves files of a local folder; delete there what "
                            "harness store check names, and give the command of those runs again")
        with watched("files") as progress:
            done = repair_results(folder, progress)
        leases = remove_abandoned(Folder(folder))
        for finding in done.moved:
            _print(f"moved to {folder}/aside: {', '.join(finding.files)} ({finding.what})"
                   + (f"; {finding.cost}" if finding.cost else ""))
        _show(folder, done.left)
        _print(f"{folder}: {len(done.moved)} moved aside, {len(done.removed)} temporary files and {len(leases)} leases "
               "of dead processes removed, leaderboard.parquet is up to date")
        left |= bool(done.left)
    return int(left)


@app.command()
def merge(
    folders: Folders,
    to: Annotated[str, typer.Option("--to", help="Folder of results that all of them end up in; may hold some.")],
) -> int:
    """Make one folder of results of several; the same in whatever order; exits with 1 where two have other values.

    The given folders stay as they are. Killed in the middle, the same command finishes.
    """
    from ...leaderboard.store_care import merge_results
    from ..results.at_hand import files_at_hand, send_files

    given, into = [files_at_hand(folder).folder for folder in folders], files_at_hand(to)
    with watched("files") as progress:
        merged = merge_results(given, into.folder, progress)
    send_files(into)
    for line in (*merged.clashes, *merged.skipped):
        _print(line)
    _print(f"{to}: {merged.rows} rows, {merged.attempts} attempts, {merged.files} other files; "
           f"{merged.written} files written, {len(merged.clashes)} clashes, {len(merged.skipped)} files left out")
    return int(bool(merged.clashes or merged.skipped))


def _show(folder: str, findings: "Iterable[Finding]") -> None:
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    for kind, found in kinds.items():
        for finding in found[:_SHOWN]:
            _print(f"{kind}: {', '.join(finding.files)} ({finding.what})")
        if len(found) > _SHOWN:
            _print(f"{kind}: and {len(found) - _SHOWN} more")
    counts = ", ".join(f"{len(found)} {kind}" for kind, found in kinds.items())
    _print(f"{folder}: {counts or 'nothing is wrong'}")


def _print(line: str) -> None:
    console().print(line, markup=False, highlight=False, soft_wrap=True)
