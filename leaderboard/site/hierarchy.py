"""The hierarchy of a method's concepts on one image: fine parts above, and the final ones they are gathered into."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from .. import pictures
from ..concept_tree import Node, concept_tree
from ..fragments import scroll, word
from ..gallery import Shown
from ..text import line_name, printable

_SIDE = 60  # pixels of a part's picture


def hierarchy(shown: Shown, image: str, save: Callable[[bytes], str]) -> str:
    """A folded drawing of its finest level; empty where the method has no hierarchy."""
    explained, i = shown.explained, shown.index(image)
    if i is None or not explained.hierarchy or "final" not in explained.levels:
        return ""
    level, branch = next(iter(explained.hierarchy.items()))
    photograph, final = pictures.scaled(explained.images[i], _SIDE), explained.levels["final"]
    palette = pictures.colours(final.maps.shape[1])
    ends = _nodes(photograph, final.maps[i], final.ids[i], palette, save, "final ")
    fine = _nodes(photograph, branch.maps[i], branch.ids[i], pictures.colours(branch.maps.shape[1]), save)
    tree = concept_tree(fine, ends, branch.shares[i].clip(0, 1).tolist(), palette)
    name = line_name(shown.line, 60)
    return (f"<details><summary>Concept hierarchy of {word(name)}</summary>"
            f'<p class="quiet">Above, the parts of {escape(printable(level, 40))}; below, the final parts. A line is '
            "as thick as the share of the finer part that the final part takes on this image, and faint where the "
            "finer part is hardly on it; shares below 5 % are not drawn.</p>"
            f"{scroll(tree, f'{name}: {level} and final parts')}</details>")


def _nodes(photograph: np.ndarray, maps: np.ndarray, ids: np.ndarray, palette: Sequence[pictures.Colour],
           save: Callable[[bytes], str], before: str = "") -> list[Node]:
    return [Node(save(pictures.spotlight(photograph, surface, 0, 1, colour)), f"{before}{part}",
                 float(surface.max().clip(0, 1))) for surface, part, colour in zip(maps, ids, palette, strict=True)]
