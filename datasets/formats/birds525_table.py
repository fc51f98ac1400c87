"""birds.csv of BIRDS 525: which genus a species belongs to."""

import csv
from collections import Counter, defaultdict
from io import StringIO
from pathlib import Path

from ...errors import UserError

_LABEL, _PATH, _NAME = "labels", "filepaths", "scientific name"


def genera(path: Path, species: list[str]) -> tuple[bytes, list[str]]:
    """The file's bytes, and the genus of each species: the first word of its scientific name.

    A row counts for the species that its label or the folder of its path names, spaces aside: the file's spelling is
    unreliable. Where rows disagree the most frequent genus counts, then the first of the alphabet; a species without
    any stays a group of its own, under its own name.

    Raises:
        UserError: missing, unreadable, no CSV, or without the columns.
    """
    content, rows = _rows(path)
    votes: dict[str, Counter] = defaultdict(Counter)
    for row in rows:
        words = (row[_NAME] or "").split()
        if words and words[0].isalpha():
            folder = (row[_PATH] or "").replace("\\", "/").split("/")[-2:-1]
            for name in {_squeezed(row[_LABEL] or ""), *map(_squeezed, folder)}:
                votes[name][words[0].capitalize()] += 1
    return content, [min(votes[name], key=lambda genus: (-votes[name][genus], genus)) if votes[name] else name
                     for name in species]


def _rows(path: Path) -> tuple[bytes, list[dict[str, str]]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); take it from the archive, or leave out "
                        "labels=genus") from None
    try:
        reader = csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""))
        rows = list(reader)
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is no CSV file ({error}); take it from the archive again") from None
    for column in (_LABEL, _PATH, _NAME):
        if column not in (reader.fieldnames or ()):
            raise UserError(f"{path} has no column '{column}'; take it from the archive again")
    return content, rows


def _squeezed(name: str) -> str:
    return " ".join(name.split())
