"""Which of two files of one name is published: the same one in whatever order they come, and whoever publishes last.

Files that belong together (both of a run's explanations, its checkpoints, all of a search) are chosen together. The
rank of each is a total order, and the highest is kept: a journal that has grown beyond the published one, items that
give the very scores that count, a log that ends later, the checkpoints that are furthest; where nothing says more, the
digest decides.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..names import parse

if TYPE_CHECKING:
    import pandas

Files = Mapping[str, Path]
"""Name, relative to the folder of data -> where it lies."""


def chosen(published: Files, own: Files, counted: "pandas.DataFrame") -> tuple[dict[str, Path], list[str]]:
    """The files of both, and a line for each search that went two ways.

    Args:
        counted: the rows that count, which items have to go with.
    """
    theirs, ours = _groups(published), _groups(own)
    found, clashes = dict(own), []
    for group, files in theirs.items():
        rival = ours.get(group)
        if rival is None:
            found |= files
        elif not _same(files, rival):
            forked = group.startswith("sweeps/") and not _continues(files, rival)
            if forked:
                clashes.append(f"the search {group.removeprefix('sweeps/')} went two ways; the longer one counts")
            if _rank(files, counted) > _rank(rival, counted):
                found = {name: path for name, path in found.items() if name not in rival} | files
        else:
            found |= files  # the very files that are there already
    return found, clashes


def _groups(files: Files) -> dict[str, dict[str, Path]]:
    groups: dict[str, dict[str, Path]] = defaultdict(dict)
    for name, path in files.items():
        groups[_group(name)][name] = path
    return groups


def _group(name: str) -> str:
    parts = name.split("/")
    if parts[0] == "sweeps" and len(parts) == 3:
        return f"sweeps/{parts[1]}/{parts[2].partition('.')[0]}"
    if "checkpoints" in parts[:-1]:
        return "/".join(parts[:parts.index("checkpoints") + 1])
    return name.rpartition(".")[0] if name.rpartition("/")[2].startswith("explanations.") else name


def _same(one: Files, other: Files) -> bool:
    return one.keys() == other.keys() and all(one[name].read_bytes() == other[name].read_bytes() for name in one)


def _rank(files: Files, counted: "pandas.DataFrame") -> tuple[Any, ...]:
    content = {name: files[name].read_bytes() for name in sorted(files)}
    first, text = next(iter(content.items()))
    if first.startswith("sweeps/"):
        grown: Any = tuple(len(each) for name, each in content.items() if name.endswith((".log", ".tests.json")))
    elif "/checkpoints/" in first:
        grown = max((name.removesuffix(".json") for name in content if name.endswith(".json")), default="")
    elif first.startswith("items/"):
        grown = _agreement(first, text, counted)
    else:
        grown = text.rstrip().rpartition(b"\n")[2] if first.endswith("log.txt") else (
            len(text) if "/losses." in first else 0)
    return grown, hashlib.sha256(b"\0".join(content.values())).digest()


def _continues(one: Files, other: Files) -> bool:
    """Whether one journal is the other's beginning."""
    journals = [path.read_bytes() for files in (one, other) for name, path in files.items() if name.endswith(".log")]
    short, long = sorted(journals, key=len) if len(journals) == 2 else (b"", b"")
    return long.startswith(short)


def _agreement(name: str, content: bytes, counted: "pandas.DataFrame") -> int:
    """How many scores that count are what the items' class sums give."""
    from ..parquet import Unreadable, decode_items

    said = parse(name.rpartition("/")[2])
    try:
        items = decode_items(content, ["metric", "level", "value", "weight"]).to_pandas().dropna(subset="weight")
    except Unreadable:
        return -1
    if said is None:
        return -1
    sums = items.groupby(["metric", "level"], observed=True)[["value", "weight"]].sum()
    rows = counted[(counted["run_id"] == said.run_id) & (counted["protocol_id"] == said.protocol_id)
                   & (counted["split"] == said.split) & (counted["status"] == "done")]
    scores = rows.drop_duplicates(["metric", "level"]).set_index(["metric", "level"])["value"]
    given = (sums["value"] / sums["weight"]).reindex(scores.index).to_numpy(np.float64)
    return int(np.isclose(given, scores.to_numpy(np.float64), rtol=1e-5, atol=1e-6).sum())
