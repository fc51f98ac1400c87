"""What a folder of results has to publish, sanitised, laid out as a folder of results again.

    leaderboard.parquet       every row that counts, built from no row files: ``leaderboard.load`` reads it as it is
    items/                    what each class adds to each score, and curves; of one run of each line also peaks
    runs/ID/                  spec.json, losses, the end of the log where the run failed, and for one run of each line
                              its explanations, where its pictures may be redistributed
    sweeps/NAME/              journals of searches, what was asked, what was tested
    audit/                    what a blind guess scores

Checkpoints, logits, pages of single images and whole logs stay at home.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ...datasets import registry as datasets
from ..collect import boards
from ..explanations import Explained, Unusable, read
from ..files import Folder
from ..names import is_plain, parse
from ..rows import SCORED
from ..store import ITEMS, Store
from .rows import sanitised
from .sanitise import Sanitiser
from .slim import slim

if TYPE_CHECKING:
    import pandas

LOG_LINES = 40
_LOSSES, _LOG = "losses.csv", "log.txt"
_LOGGED_LOSS = re.compile(r"INFO stage .+ epoch \d+ of \d+: loss \S+$")
_SWEEP = (".log", ".request.json", ".tests.json")


def gather(out: Folder, into: Path, sanitiser: Sanitiser, with_images: bool) -> "tuple[pandas.DataFrame, list[str]]":
    """Write what ``out`` has to publish into a new folder; returns its rows, and what was skipped and why.

    Raises:
        UserError: there are no results, or no space for them.
    """
    frame, problems = Store(out.url).current()
    frame = frame[[is_plain(run) for run in frame["run_id"]]]
    write = _writer(into)
    shown = _shown(out, frame)
    problems += _items(out, frame, shown, sanitiser, write)
    failed = set(frame.loc[~frame["status"].isin(SCORED), "run_id"])
    for run_id in frame["run_id"].unique():
        _run(out, run_id, run_id in failed, sanitiser, write)
    for run_id in sorted(shown):
        problems += _explanations(out, run_id, sanitiser, with_images, write)
    for sweep in filter(is_plain, frame["sweep"].unique()):
        _documents(out, f"sweeps/{sweep}", f"sweeps/{sanitiser.name(sweep)}", _SWEEP, sanitiser, write)
    _documents(out, "audit", "audit", (".json",), sanitiser, write)
    return sanitised(frame, sanitiser), problems


Write = Callable[[str, bytes], None]


def _writer(into: Path) -> Write:
    def write(name: str, content: bytes) -> None:
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    into.mkdir(parents=True)
    return write


def _shown(out: Folder, frame: "pandas.DataFrame") -> set[str]:
    """The run of each line that pages with pictures and curves draw: of the lowest seed that left explanations."""
    lines = [line for board in boards(frame) for line in (*board.lines, *board.controls)]
    explained = {run for line in lines for run in line.run_ids if out.exists("runs", run, "explanations.json")}
    return {next((run for run in line.run_ids if run in explained), line.run_ids[0]) for line in lines}


def _items(out: Folder, frame: "pandas.DataFrame", shown: set[str], sanitiser: Sanitiser, write: Write) -> list[str]:
    from ..parquet import Unreadable, decode_items, encode_items

    runs, problems = set(frame["run_id"]), []
    for found in out.list(ITEMS):
        name = parse(found.name)
        if name is None or name.attempt or name.run_id not in runs:
            continue
        try:
            table = decode_items(out.read(found.path))
            write(f"{ITEMS}/{found.name}", encode_items(slim(table, sanitiser, name.run_id in shown)))
        except (OSError, Unreadable, KeyError, TypeError) as error:
            problems.append(f"{ITEMS}/{found.name}: {error}")
    return problems


def _run(out: Folder, run_id: str, failed: bool, sanitiser: Sanitiser, write: Write) -> None:
    spec = _text(out, "runs", run_id, "spec.json")
    if spec is not None:
        write(f"runs/{run_id}/spec.json", sanitiser.document(spec).encode())
    losses = _text(out, "runs", run_id, _LOSSES)
    if losses is not None:
        write(f"runs/{run_id}/{_LOSSES}", _lines(losses.splitlines(), sanitiser.text))
    log = (_text(out, "runs", run_id, _LOG) or "").splitlines()
    # Runs of versions without the file told their losses in the log.
    kept = log[-LOG_LINES:] if failed else [] if losses else [line for line in log if _LOGGED_LOSS.search(line)]
    if kept:
        write(f"runs/{run_id}/{_LOG}", _lines(kept, sanitiser.text))


def _lines(lines: Iterable[str], clean: Callable[[str], str]) -> bytes:
    return "".join(f"{clean(line)}\n" for line in lines).encode("utf-8", "replace")


def _explanations(out: Folder, run_id: str, sanitiser: Sanitiser, with_images: bool, write: Write) -> list[str]:
    from safetensors.numpy import load, save

    try:
        explained = read(out, run_id)
    except Unusable as error:
        return [f"runs/{run_id}/explanations: {error}"]
    if explained and (with_images or _redistributable(explained)):
        facts = json.loads(out.read(out.path("runs", run_id, "explanations.json")))
        write(f"runs/{run_id}/explanations.json", json.dumps(sanitiser.tree(facts)).encode())
        arrays = load(out.read(out.path("runs", run_id, "explanations.safetensors")))
        write(f"runs/{run_id}/explanations.safetensors", save(arrays))  # without the metadata that a file may have
    return []


def _redistributable(explained: Explained) -> bool:
    """Both the run's own word and, where it is known here, that of the data set's card."""
    card = datasets.cards.get(explained.facts.dataset)
    return explained.facts.redistributable and (card is None or card.redistributable)


def _documents(out: Folder, there: str, here: str, endings: Iterable[str], sanitiser: Sanitiser, write: Write) -> None:
    for ending in endings:
        for found in out.list(there, ending):
            text = out.read(found.path).decode("utf-8", "replace")
            clean = _lines(text.splitlines(), sanitiser.document) if ending == ".log" else (
                sanitiser.document(text).encode())
            write(f"{here}/{found.name}", clean)


def _text(out: Folder, *parts: str) -> str | None:
    try:
        return out.read(out.path(*parts)).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
