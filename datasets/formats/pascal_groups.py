"""PASCAL-Part's parts in the grouping of Zhao et al.: left and right, and parts of parts, count as one.

"Multi-Class Part Parsing with Joint Boundary-Semantic Awareness", ICCV 2019, known as Pascal-Part-58: background,
52 parts of 15 kinds of objects, and 5 kinds that stay whole (boat, chair, dining table, sofa, train) and have no part.
"""

import re

# Value k of a label map in this grouping is row k - 1; a kind without part is whole.
GROUPS: tuple[tuple[str, str | None], ...] = (
    *(("aeroplane", part) for part in ("body", "engine", "wing", "stern", "wheel")),
    *(("bicycle", part) for part in ("wheel", "body")),
    *(("bird", part) for part in ("head", "wing", "leg", "torso")),
    ("boat", None),
    *(("bottle", part) for part in ("cap", "body")),
    *(("bus", part) for part in ("window", "wheel", "body")),
    *(("car", part) for part in ("window", "wheel", "light", "plate", "body")),
    *(("cat", part) for part in ("head", "leg", "tail", "torso")),
    ("chair", None),
    *(("cow", part) for part in ("head", "tail", "leg", "torso")),
    ("diningtable", None),
    *(("dog", part) for part in ("head", "leg", "tail", "torso")),
    *(("horse", part) for part in ("head", "tail", "leg", "torso")),
    *(("motorbike", part) for part in ("wheel", "body")),
    *(("person", part) for part in ("head", "torso", "lower arm", "upper arm", "lower leg", "upper leg")),
    *(("pottedplant", part) for part in ("pot", "plant")),
    *(("sheep", part) for part in ("head", "leg", "torso")),
    ("sofa", None),
    ("train", None),
    *(("tvmonitor", part) for part in ("screen", "frame")),
)
PARTS = [f"{kind} {part}" for kind, part in GROUPS if part]
KINDS = sorted({kind for kind, part in GROUPS if part})

_HEAD = "head leye reye lear rear nose muzzle lhorn rhorn beak lebrow rebrow mouth hair"
_LEGS = ("lfleg rfleg lbleg rbleg lfpa rfpa lbpa rbpa lfuleg lflleg rfuleg rflleg lbuleg lblleg rbuleg rblleg "
         "lfho rfho lbho rbho")
_ANIMAL = {"head": _HEAD, "leg": _LEGS, "torso": "torso neck", "tail": "tail"}
_SIDES = "frontside leftside rightside backside roofside leftmirror rightmirror door"
# Names in the annotation by group; a number at their end (wheel_2) is left away.
_MEMBERS = {
    "aeroplane": {"body": "body", "engine": "engine", "wing": "lwing rwing", "stern": "stern tail", "wheel": "wheel"},
    "bicycle": {"wheel": "fwheel bwheel", "body": "saddle handlebar chainwheel headlight"},
    "bird": {"head": _HEAD, "wing": "lwing rwing", "leg": "lleg rleg lfoot rfoot", "torso": "torso neck tail"},
    "bottle": {"cap": "cap", "body": "body"},
    "bus": {"window": "window", "wheel": "wheel", "body": f"{_SIDES} fliplate bliplate headlight"},
    "car": {"window": "window", "wheel": "wheel", "light": "headlight", "plate": "fliplate bliplate", "body": _SIDES},
    "cat": _ANIMAL,
    "cow": _ANIMAL,
    "dog": _ANIMAL,
    "horse": _ANIMAL,
    "motorbike": {"wheel": "fwheel bwheel", "body": "handlebar saddle headlight"},
    "person": {"head": _HEAD, "torso": "torso neck", "lower arm": "llarm rlarm lhand rhand", "upper arm": "luarm ruarm",
               "lower leg": "llleg rlleg lfoot rfoot", "upper leg": "luleg ruleg"},
    "pottedplant": {"pot": "pot", "plant": "plant"},
    "sheep": {"head": _HEAD, "leg": _LEGS, "torso": "torso neck tail"},
    "tvmonitor": {"screen": "screen", "frame": "frame"},
}
_INDEX = {(kind, name): PARTS.index(f"{kind} {group}")
          for kind, groups in _MEMBERS.items() for group, names in groups.items() for name in names.split()}


def part_of(kind: str, name: str) -> int | None:
    """Which of ``PARTS`` a part in the annotation belongs to; None where the grouping has no place for it."""
    return _INDEX.get((kind, re.sub(r"_\d+$", "", name)))
