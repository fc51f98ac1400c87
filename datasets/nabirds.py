"""NABirds as distributed: 555 kinds of North American birds in a hierarchy, a box and 11 part locations per photograph.

Van Horn et al., "Building a Bird Recognition App and Large Scale Dataset With Citizen Scientists", CVPR 2015. Reading
needs no torch and opens no picture; photographers.txt and sizes.txt are not read.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from .base import Annotations, PartDataset
from .cards.nabirds import CARD
from .formats.cub_tables import COLUMNS, Tables
from .formats.layout import data_folder
from .images import image_sizes

_COLUMNS = COLUMNS | {"hierarchy.txt": "class parent"}
# How far below the root, "Birds", a level is. A leaf that is nearer to the root is its own class on every deeper level.
_DEPTHS = {"order": 1, "family": 2, "species": 3}


def read(root: Path | str, settings: BaseModel | None = None) -> PartDataset:
    """Read and check every annotation under ``root``.

    Class ids are sparse, and only leaves of the hierarchy have images; labels number the classes of the chosen level
    by sorted class id.

    Raises:
        UserError: names the file, the line, and what to mend.
    """
    settings = settings or CARD.resolve()
    root = data_folder(root, CARD, list(_COLUMNS), inside=("nabirds",))
    tables = Tables(root, _COLUMNS, CARD.title, text_ids=True)
    class_ids, names = tables.sorted_names("classes.txt")
    part_ids, parts = tables.sorted_names("parts/parts.txt")
    train = tables.train()
    leaves = _leaves(tables, class_ids, train)
    shown, labels = np.unique(_level(tables, class_ids, settings.labels)[leaves], return_inverse=True)
    keypoints, visible = tables.keypoints(part_ids)
    pictures = [f"{root}/images/{path}" for path in tables.paths]
    sizes = image_sizes(pictures)
    annotations = Annotations(
        ids=tables.ids, images=pictures, labels=labels.astype(np.int64), boxes=tables.boxes(), keypoints=keypoints,
        visible=visible, train=train)
    return PartDataset(CARD.name, [names[i] for i in shown], parts, annotations, tables.fingerprint(sizes),
                       CARD.redistributable)


def fingerprint(root: Path | str, settings: BaseModel | None = None) -> str:
    """Digest of annotations and picture sizes; checks the layout as :func:`read` does."""
    return read(root, settings).fingerprint


def _leaves(tables: Tables, class_ids: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Where each image's class stands in ``class_ids``, int64 [N]; each is a leaf, and every leaf has images."""
    classes = tables.classes_of(class_ids)
    parents = _parents(tables, class_ids)
    inner = np.unique(parents[parents >= 0])
    for place in np.setdiff1d(np.flatnonzero(parents < 0), inner)[:1]:
        tables.fail_at_class(class_ids[place],
                             f"class {class_ids[place]} has no row in hierarchy.txt; add one or remove the class")
    for place in np.intersect1d(classes, inner)[:1]:
        tables.fail_at_class(class_ids[place], f"class {class_ids[place]} has images and, in hierarchy.txt, classes "
                                               "below it; give each image a class that has none")
    leaves = np.setdiff1d(np.arange(len(class_ids)), inner)
    tables.check_trained(class_ids[leaves], class_ids[classes[train]])
    return classes


def _parents(tables: Tables, class_ids: np.ndarray) -> np.ndarray:
    """Where the parent of each class stands in ``class_ids``, int64 [C]; -1 for the root."""
    file, classes = tables.files["hierarchy.txt"], tables.files["classes.txt"]
    table = file.numbers()
    children, above = (file.among(table[:, i], class_ids, "class", classes) for i in (0, 1))
    file.unique(children, "class")
    parents = np.full(len(class_ids), -1)
    parents[children] = above
    ancestors = parents
    for _ in class_ids:
        ancestors = np.where(ancestors >= 0, parents[ancestors], -1)
    for row in np.flatnonzero(ancestors[children] >= 0)[:1]:
        file.fail(row, f"class {class_ids[children[row]]} is below itself; name its true parent")
    return parents


def _level(tables: Tables, class_ids: np.ndarray, labels: str) -> np.ndarray:
    """The place in ``class_ids`` of the node that stands for each class on the level ``labels``, int64 [C]."""
    if labels == "category":
        return np.arange(len(class_ids))
    parents = _parents(tables, class_ids)
    nodes = []
    for place in range(len(class_ids)):
        line = [place]
        while parents[line[-1]] >= 0:
            line.append(parents[line[-1]])
        nodes.append(line[::-1][min(_DEPTHS[labels], len(line) - 1)])
    return np.array(nodes)
