"""Any pictures in folders named after their classes, with keypoints, part masks and label levels where there are some.

    root/train/<class>/..., root/test/<class>/..., and perhaps root/val/<class>/...
    root/<class>/...                      one folder: split by a seeded hash of each picture's path
    root/keypoints.json                   COCO; or root/train/keypoints.json and so on
    root/part_masks/<relative path>.png   value k is part k; names in parts.txt, in that folder or in the root
    root/labels.csv                       class, then a column for each level of labels

Folders inside a class folder belong to the class. Reading needs no torch and opens no picture.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..errors import UserError
from .base import Annotations, PartDataset
from .cards.image_folder import CARD, ImageFolderSettings
from .fingerprint import fingerprint_of
from .formats.coco_keypoints import CocoKeypoints, read_coco
from .formats.folder_listing import inside, list_pictures
from .formats.label_levels import read_levels
from .formats.label_maps import LabelMaps, label_maps
from .formats.layout import data_folder, is_folder
from .formats.part_masks import keypoints_of
from .images import image_sizes
from .remembered import key_of

_KEYPOINTS, _PART_MASKS, _PART_NAMES, _LEVELS = "keypoints.json", "part_masks", "parts.txt", "labels.csv"


def read(root: Path | str, settings: ImageFolderSettings | None = None) -> PartDataset:
    """List the pictures under ``root`` and read every annotation.

    Ids are relative paths. Where there are part masks and no keypoint file, a part's keypoint is the centroid of its
    mask (:func:`~.formats.part_masks.keypoints_of`). Boxes are the keypoint file's, else they surround the part masks,
    else they are the whole picture.

    Raises:
        UserError: names the folder or file, and what to mend.
    """
    settings = settings or ImageFolderSettings()
    root = data_folder(root, CARD, ())
    folder = _Folder.listed(root, settings)
    classes, labels, train, val = folder.labelled()
    pictures = [f"{root}/{path}" for path in folder.paths]
    sizes = list(zip(folder.paths, image_sizes(pictures), strict=True))
    parts, keypoints, visible, boxes, masks = folder.annotated()
    annotations = Annotations(ids=folder.paths, images=pictures, labels=labels, boxes=boxes, keypoints=keypoints,
                              visible=visible, train=train, val=val, read_masks=masks)
    if masks:
        sizes += [(f"{path} mask", size) for path, size in zip(folder.paths, image_sizes(masks.paths), strict=True)]
    return PartDataset(CARD.name, classes, parts, annotations, fingerprint_of(folder.files.items(), sizes))


def fingerprint(root: Path | str, settings: ImageFolderSettings | None = None) -> str:
    """Digest of annotations, picture sizes, and the settings that name labels or split; checks as :func:`read`."""
    return read(root, settings).fingerprint


@dataclass
class _Folder:
    """What is listed, row by row, and the annotation files that were read.

    Attributes:
        splits, names: split and class folder of each picture.
        files: what the fingerprint covers besides pictures: name -> content.
    """

    root: Path
    settings: ImageFolderSettings
    paths: list[str]
    splits: np.ndarray
    names: np.ndarray
    files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def listed(cls, root: Path, settings: ImageFolderSettings) -> "_Folder":
        found = list_pictures(root, {_PART_MASKS, settings.part_masks})
        rows = [(path, split, name) for split, classes in found.items() for name, paths in classes.items()
                for path in paths]
        paths, splits, names = zip(*rows, strict=True)
        return cls(root, settings, list(paths), np.array(splits), np.array(names))

    def labelled(self) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray | None]:
        """Class names, labels [N], and which pictures are for training and for validation (None: held out)."""
        names = self.names
        if self.settings.labels not in (None, "class"):
            known = sorted(set(names.tolist()))
            levels, content = read_levels(inside(self.root, _LEVELS), self.settings.labels, known)
            self.files |= {_LEVELS: content, "labels": self.settings.labels.encode()}
            names = np.array([levels[name] for name in names.tolist()])
        found, labels = np.unique(names, return_inverse=True)
        classes = found.tolist()
        if len(classes) < 2:
            raise UserError(f"{self.root} holds one class, {classes[0]!r}; telling classes apart needs two or more")
        if self.splits[0]:
            self._check_splits(names)
            return classes, labels, self.splits == "train", self.splits == "val" if "val" in self.splits else None
        self.files["split"] = f"{self.settings.test_share!r} {self.settings.seed}".encode()
        return classes, labels, ~self._held_for_test(classes, labels), None

    def _check_splits(self, names: np.ndarray) -> None:
        defaults = ImageFolderSettings()
        if (self.settings.test_share, self.settings.seed) != (defaults.test_share, defaults.seed):
            raise UserError(f"test_share and seed split a single folder, and {self.root} holds train/ and test/; "
                            "leave them out")
        train, val, test = (set(names[self.splits == split].tolist()) for split in ("train", "val", "test"))
        for split, found in (("val", val), ("test", test)):
            for name in sorted(found - train):
                raise UserError(f"class {name!r} in {self.root}/{split} is not in train/; give it training pictures "
                                "or remove it")
        for name in sorted(train - test):
            raise UserError(f"class {name!r} in {self.root}/train is not in test/; give it test pictures or remove it")

    def _held_for_test(self, classes: list[str], labels: np.ndarray) -> np.ndarray:
        """bool [N]: pictures whose path, hashed with the seed, falls into the first ``test_share`` of all hashes.

        A picture's place depends on its own path alone, except that a class without training or without test picture
        gets the one that was nearest to it.
        """
        draws = np.array([int.from_bytes(sha256(f"{self.settings.seed} {path}".encode()).digest()[:8], "big") / 2**64
                          for path in self.paths])
        test = draws < self.settings.test_share
        for label, name in enumerate(classes):
            rows = np.flatnonzero(labels == label)
            if len(rows) < 2:
                raise UserError(f"class {name!r} of {self.root} holds one picture; add another: one is for training, "
                                "one for testing")
            if test[rows].all():
                test[rows[draws[rows].argmax()]] = False
            if not test[rows].any():
                test[rows[draws[rows].argmin()]] = True
        return test

    def annotated(self) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray, LabelMaps | None]:
        """Part names, keypoints [N, P, 2], visible [N, P], boxes [N, 4] and part masks."""
        coco = self._keypoint_files()
        masks, parts = self._label_maps(coco.parts if coco else None)
        if masks and (coco is None or np.isnan(coco.boxes).any()):
            key = key_of("image_folder-1", masks.paths, masks.values, masks.largest)
            keypoints, visible, around = keypoints_of(masks, len(self.paths), len(parts), key)
            if coco is None:
                return parts, keypoints, visible, around, masks
            coco.boxes[:] = np.where(np.isnan(coco.boxes), around, coco.boxes)
        if coco is None:
            rows = len(self.paths)
            return [], np.zeros((rows, 0, 2), np.float32), np.zeros((rows, 0), bool), np.full((rows, 4), np.nan), None
        return coco.parts, coco.keypoints, coco.visible, coco.boxes, masks

    def _keypoint_files(self) -> CocoKeypoints | None:
        name = self.settings.keypoints or _KEYPOINTS
        within = {inside(self.root, f"{split}{name}"): split
                  for split in ("", *(f"{split}/" for split in np.unique(self.splits) if split))}
        contents = {path: _content(path) for path in within if path.exists()}
        if self.settings.keypoints and not contents:
            raise UserError(f"{self.root / name} is missing; leave out keypoints={name} or put the file there")
        self.files |= {f"{within[path]}{name}": content for path, content in contents.items()}
        return read_coco(contents, within, self.paths) if contents else None

    def _label_maps(self, parts: list[str] | None) -> tuple[LabelMaps | None, list[str]]:
        name = self.settings.part_masks or _PART_MASKS
        folder = inside(self.root, name)
        if not is_folder(folder):
            if self.settings.part_masks:
                raise UserError(f"no folder {folder}; leave out part_masks={name} or put the masks there")
            return None, []
        for path in (inside(self.root, f"{name}/{_PART_NAMES}"), inside(self.root, _PART_NAMES)):
            if path.exists():
                content = self.files[_PART_NAMES] = _content(path)
                return label_maps(self.root, name, self.paths, _part_names(path, content), parts)
        return label_maps(self.root, name, self.paths, None, parts)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); mend file or permissions") from None


def _part_names(path: Path, content: bytes) -> list[str]:
    try:
        names = [line.strip() for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; write one part name a line") from None
    if not names or len(set(names)) < len(names):
        raise UserError(f"{path} names no part, or one twice; write one part name a line")
    return names
