"""Links to the pages that ``harness explain`` made: concept hierarchies, nearest training patches, every head's map."""

import re
from html import escape

from ..text import line_name
from .material import Material

_FOLDER = "explained"
_NAME = re.compile(r"([0-9a-f]{8})\.([A-Za-z0-9_-]{1,60})\.[0-9a-f]{8}\.html")
_MOST = 60


def explained_pages(material: Material) -> str:
    """A list of those that there are, else how to make one.

    They hold photographs and stay with the results: only a report in its place there links to them.
    """
    how = ("<p><code>harness explain RUN --image FILE</code> makes a page about one image: the hierarchy of its "
           "concepts, the training patches nearest to each prototype, and what each head or part adds.</p>")
    beside = material.report.root.rpartition("/")[0] == material.results.root
    if not (beside and material.private):
        return how
    names = {run_id[:8]: line_name(line, 60) for board in material.boards for line in board.lines
             for run_id in line.run_ids}
    found = [(file.name, match) for file in material.results.list(_FOLDER, ".html")
             if (match := _NAME.fullmatch(file.name))]
    links = "".join(f'<li><a href="../{_FOLDER}/{escape(name)}">{escape(names.get(match[1], f"run {match[1]}"))} on '
                    f"{escape(match[2].replace('_', ' '))}</a></li>" for name, match in found[:_MOST])
    more = f"<p>And {len(found) - _MOST} more in the folder {_FOLDER}/.</p>" if len(found) > _MOST else ""
    return how + (f"<h3>Explained images</h3><ul>{links}</ul>{more}" if links else "")
