"""The command `harness publish`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ..console.terminal import console

if TYPE_CHECKING:
    from ...leaderboard.publish import Published

_SHOWN = 20  # lines of one kind


def publish(
    to: Annotated[str, typer.Option(help="Folder of the site, or the address of a git remote.")],
    out: Annotated[str, typer.Option(help="Folder of results.")] = "results",
    branch: Annotated[str, typer.Option(help="Branch of the remote.")] = "gh-pages",
    with_images: Annotated[bool, typer.Option(
        "--with-images", help="With pictures of data sets that may not be redistributed, too.")] = False,
    message: Annotated[str | None, typer.Option(help="Of the commit. [how many rows are new]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> int:
    """Merge the results into a published site: a folder, or a branch of a git remote."""
    from ...leaderboard.publish import publish_results
    from ..results.at_hand import all_at_hand
    from ..tune.pages import write_pages

    out = all_at_hand(out).folder
    done = publish_results(out, to, branch, with_images, message, dry_run, lambda data: write_pages(str(data)))
    warned = console(stderr=True)
    for kind, lines in (("warning", [*done.skipped, *done.change.problems]), ("clash", done.change.clashes)):
        for line in _shortened(lines):
            warned.print(f"{kind}: {line}", markup=False, highlight=False, soft_wrap=True)
    terminal = console()
    for line in _summary(done, dry_run):
        terminal.print(line, markup=False, highlight=False, soft_wrap=True)
    return 1 if done.change.clashes else 0


def _summary(done: "Published", dry_run: bool) -> Iterator[str]:
    change, files = done.change, done.change.files
    if not files:
        yield f"up to date: {done.where} has all {change.total:,} rows"
        return
    if dry_run:
        for sign, names in (("+", files.added), ("~", files.changed), ("-", files.removed)):
            yield from _shortened([f"{sign} {name}" for name in names])
    counts = ", ".join(f"{len(names):,} {what}" for names, what in (
        (files.added, "new"), (files.changed, "changed"), (files.removed, "removed")) if names)
    yield (f"{'would publish' if dry_run else 'published'}: {change.rows:,} new rows, {change.total:,} in all; files: "
           f"{counts} ({files.bytes / 1e6:.1f} MB); {done.where}")


def _shortened(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"and {more:,} more"] if more > 0 else list(lines)
