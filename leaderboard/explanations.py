"""What a run leaves for the gallery: a few photographs with its part maps and its saliency."""

import json
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load

from .files import Folder


class Facts(BaseModel):
    """``explanations.json``: labels and predictions are indices into ``classes``; one entry of ``ids`` per image.

    ``parts`` are the annotated parts of the data set and ``hierarchy`` the levels that are gathered into ``final``,
    finest first; files of earlier versions have neither.
    """

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    run_id: str
    method: str
    title: str = ""
    dataset: str
    ids: list[str]
    labels: list[int]
    predicted: list[int]
    classes: list[str]
    levels: list[str]
    maps: str = ""
    redistributable: bool = False
    parts: list[str] = []
    hierarchy: list[str] = []


@dataclass(frozen=True)
class Maps:
    """One level: maps float [G, K, h, w], ids [G, K], background float [G, h, w] or None."""

    maps: np.ndarray
    ids: np.ndarray
    background: np.ndarray | None


@dataclass(frozen=True)
class Branch:
    """A level of a hierarchy: maps float [G, K, h, w], ids [G, K], shares [G, K, N] of its parts in N final ones."""

    maps: np.ndarray
    ids: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True)
class Explained:
    """Facts and arrays of one run: images uint8 [G, 3, S, S], saliency float [G, h, w] or None."""

    facts: Facts
    images: np.ndarray
    saliency: np.ndarray | None
    levels: dict[str, Maps]
    hierarchy: dict[str, Branch] = field(default_factory=dict)


class Unusable(Exception):
    """An explanation that cannot be shown; the message says why."""


def read(folder: Folder, run_id: str) -> Explained | None:
    """A run's explanations from ``runs/<run_id>/``; None where it left none.

    Raises:
        Unusable: torn, foreign, or parts that do not belong together.
    """
    facts, content = read_facts(folder, run_id), _content(folder, run_id, "safetensors")
    if facts is None or content is None:
        return None
    try:
        arrays = load(content)
    except (ValueError, SafetensorError) as error:
        raise _torn(error) from None
    return _checked(facts, arrays)


def read_facts(folder: Folder, run_id: str) -> Facts | None:
    """The facts alone; None where the run left none.

    Raises:
        Unusable: torn or foreign.
    """
    content = _content(folder, run_id, "json")
    if content is None:
        return None
    try:
        facts = Facts.model_validate(json.loads(content))
    except (ValueError, RecursionError, ValidationError) as error:
        raise _torn(error) from None
    if facts.run_id != run_id:
        raise Unusable("it belongs to another run")
    return facts


def _content(folder: Folder, run_id: str, kind: str) -> bytes | None:
    try:
        return folder.read(folder.path("runs", run_id, f"explanations.{kind}"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(error.strerror or str(error)) from None


def _torn(error: Exception) -> Unusable:
    return Unusable(f"torn or foreign ({str(error).splitlines()[0][:120]})")


def _checked(facts: Facts, arrays: dict[str, np.ndarray]) -> Explained:
    images = arrays.get("images", np.zeros(0))
    count = len(facts.ids)
    _demand(images.dtype == np.uint8 and images.ndim == 4 and images.shape[:2] == (count, 3)
            and images.shape[2] == images.shape[3] > 0, "images are not uint8 [G, 3, S, S]")
    _demand(len(facts.labels) == len(facts.predicted) == count, "labels or predictions do not match the images")
    _demand(all(0 <= c < len(facts.classes) for c in (*facts.labels, *facts.predicted)), "a class without a name")
    saliency = arrays.get("saliency")
    _demand(saliency is None or (saliency.ndim == 3 and _good(saliency, count)), "saliency is not finite [G, h, w]")
    levels = {level: _level(arrays, level, count) for level in facts.levels}
    return Explained(facts, images, _floats(saliency), levels,
                     {level: _branch(arrays, level, levels, count) for level in facts.hierarchy})


def _level(arrays: dict[str, np.ndarray], level: str, count: int) -> Maps:
    maps, ids = (arrays.get(f"{name}.{level}", np.zeros(0)) for name in ("part_maps", "part_ids"))
    background = arrays.get(f"background.{level}")
    _demand(maps.ndim == 4 and _good(maps, count), f"part maps of level {level} are not finite [G, K, h, w]")
    _demand(ids.shape == maps.shape[:2], f"part ids of level {level} do not match its maps")
    _demand(background is None or (background.shape == (count, *maps.shape[2:]) and _good(background, count)),
            f"background of level {level} does not match its maps")
    return Maps(_floats(maps), ids.astype(np.int64), _floats(background))


def _branch(arrays: dict[str, np.ndarray], level: str, levels: dict[str, Maps], count: int) -> Branch:
    maps, ids, shares = (arrays.get(f"hierarchy_{name}.{level}", np.zeros(0)) for name in ("maps", "ids", "shares"))
    _demand("final" in levels and maps.ndim == 4 and _good(maps, count) and ids.shape == maps.shape[:2],
            f"parts of level {level} of the hierarchy are not finite [G, K, h, w] with ids [G, K]")
    _demand(shares.shape == (*ids.shape, levels["final"].maps.shape[1]) and _good(shares, count),
            f"shares of level {level} of the hierarchy are not finite [G, K, N]")
    return Branch(_floats(maps), ids.astype(np.int64), _floats(shares))


def _good(array: np.ndarray, count: int) -> bool:
    return len(array) == count and array.size > 0 and array.dtype.kind == "f" and bool(np.isfinite(array).all())


def _floats(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else array.astype(np.float32)


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unusable(otherwise)
