"""A folder laid out as CUB-200-2011, with a few generated pictures: each class a colour, each part a dot."""

from colorsys import hsv_to_rgb
from pathlib import Path

import numpy as np
from PIL import Image

PARTS = ["back", "beak", "belly", "breast", "crown", "forehead", "left eye", "left leg", "left wing", "nape",
         "right eye", "right leg", "right wing", "tail", "throat"]


def write_tiny_cub(root: Path, classes: int = 3, train: int = 4, test: int = 3, size: tuple[int, int] = (96, 80),
                   seed: int = 0, segmentations: bool = False) -> Path:
    """Write the folder and return it. ``size`` is (width, height); ids have gaps, rows are shuffled.

    The bird is an ellipse in its class's colour that fills its box; parts stand in the same order in each, one in
    six is not visible, and a visible one is a dot of radius 2 about its location.
    """
    root, random = Path(root), np.random.default_rng(seed)
    images, labels, splits, boxes, locations = [], [], [], [], []
    for c in range(classes):
        for i in range(train + test):
            image = 3 + 7 * len(images)
            path = f"{5 + 7 * c:03d}.Colour_{c}/Colour_{c}_{image:04d}.jpg"
            box, points, visible = _bird(random, size)
            _paint(root, path, hsv_to_rgb(c / classes, 0.8, 0.8), box, points, visible, random, size, segmentations)
            images.append(f"{image} {path}")
            labels.append(f"{image} {5 + 7 * c}")
            splits.append(f"{image} {int(i < train)}")
            boxes.append(f"{image} " + " ".join(f"{v:.2f}" for v in box))
            locations += [f"{image} {p + 1} {x:.2f} {y:.2f} {int(v)}"
                          for p, ((x, y), v) in enumerate(zip(points * visible[:, None], visible, strict=True))]
    (root / "parts").mkdir(parents=True, exist_ok=True)
    tables = {"images": images, "image_class_labels": labels, "train_test_split": splits, "bounding_boxes": boxes,
              "parts/part_locs": locations, "parts/parts": [f"{p + 1} {name}" for p, name in enumerate(PARTS)],
              "classes": [f"{5 + 7 * c} {5 + 7 * c:03d}.Colour_{c}" for c in range(classes)]}
    for name, rows in tables.items():
        (root / f"{name}.txt").write_text("\n".join(random.permutation(rows)) + "\n")
    return root


def _bird(random: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A box [4] in hundredths of a pixel, part locations [15, 2] on a ring inside it, and which are visible."""
    width, height = size
    extent = np.array([width, height]) * random.uniform(0.6, 0.75, 2)
    corner = random.uniform(0.05, 0.2, 2) * size
    angle = 2 * np.pi * np.arange(len(PARTS)) / len(PARTS) + random.uniform(-0.1, 0.1)
    points = corner + extent * (0.5 + 0.35 * np.stack([np.cos(angle), np.sin(angle)], 1))
    return np.concatenate([corner, extent]).round(2), points.round(2), random.random(len(PARTS)) > 1 / 6


def _paint(root: Path, path: str, colour: tuple[float, float, float], box: np.ndarray, points: np.ndarray,
           visible: np.ndarray, random: np.random.Generator, size: tuple[int, int], segmentations: bool) -> None:
    width, height = size
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) + 0.5
    body = (((grid - box[:2]) / box[2:] - 0.5) ** 2).sum(-1) < 0.25
    pixels = random.integers(90, 140, (height, width, 3))
    pixels[body] = 255 * np.array(colour) + random.integers(-15, 15, (body.sum(), 3))
    for p in np.flatnonzero(visible):
        pixels[((grid - points[p]) ** 2).sum(-1) < 4] = 255 * np.array(hsv_to_rgb(p / len(PARTS), 1, 1))
    file = root / "images" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, quality=95)
    if segmentations:
        mask = (root / "segmentations" / path).with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.where(body, 255, 0).astype(np.uint8)).save(mask)
