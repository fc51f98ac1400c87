"""The command `harness report`."""

from typing import Annotated

import typer

from ...errors import UserError
from ..console.terminal import console

_KINDS = ("png", "svg", "pdf")


def report(
    out: Annotated[str, typer.Option(help="Folder of results.")] = "results",
    serve: Annotated[bool, typer.Option(
        "--serve", help="Show it to browsers on this machine, built again when rows arrive; Ctrl-C ends.")] = False,
    port: Annotated[int | None, typer.Option(
        min=0, max=65535, help="Port of --serve; 0: any that is free. [8000]")] = None,
    export: Annotated[str | None, typer.Option(help="Write every figure as a file, too: png, svg or pdf.")] = None,
) -> None:
    """Build the page again from the rows, and those of sweeps from their journals."""
    if port is not None and not serve:
        raise UserError("--port says where --serve listens; give both, or neither")
    if export is not None and export not in _KINDS:
        raise UserError(f"--export {export}: figures can be {', '.join(_KINDS)}")
    if export is not None and serve:
        raise UserError("--export and --serve exclude each other; give one command for each")
    from ...leaderboard.address import is_url
    from ..results.at_hand import all_at_hand
    from ..serve import serve_report
    from ..site import build

    if serve and is_url(out):
        raise UserError("--serve watches a local folder; harness report draws the pages of results at a URL")
    results = all_at_hand(out)
    out = results.folder
    terminal = console()
    if serve:
        serve_report(out, 8000 if port is None else port, lambda line: terminal.print(
            line, markup=False, highlight=False, soft_wrap=True))
        return
    page, problems = build(out)
    for problem in problems:
        console(stderr=True).print(f"warning: {problem}", markup=False, soft_wrap=True)
    terminal.print(f"report: {page}", soft_wrap=True)
    if export is not None:
        from ...leaderboard.export import export_figures

        written = export_figures(page.parent, export)
        terminal.print(f"figures: {len(written)} in {page.parent / 'figures'}", markup=False, soft_wrap=True)
    results.send("report", exactly=True)
