"""How the cost of a step grows with classes, image size and prototypes."""

from collections.abc import Iterator

from .row import Row
from .stepping import Stepping

_METHODS = ("ivpt", "prompt_cam", "protopnet")
_PROTOTYPES = {"5 levels, 17 to 5": [17, 14, 11, 8, 5], "twice as many": [34, 28, 22, 16, 10],
               "four times": [68, 56, 44, 32, 20]}


def rows(quick: bool, threads: int) -> Iterator[Row]:
    rounds, batch_size = (3, 8) if quick else (7, 16)
    for name in _METHODS:
        for classes in (10, 40, 200) if quick else (10, 40, 200, 555):
            made = Stepping(name, classes=classes, threads=threads, batch_size=batch_size)
            yield Row.of(f"{name}, {classes} classes", made.forwards(rounds), "forwards")
    for name in _METHODS:
        for side in (112, 224) if quick else (112, 224, 336):
            made = Stepping(name, image_size=side, threads=threads, batch_size=batch_size)
            yield Row.of(f"{name}, {side} pixels", made.forwards(rounds), "forwards")
    for told, prototypes in _PROTOTYPES.items():
        made = Stepping("ivpt", threads=threads, batch_size=batch_size, settings={"prototypes": prototypes})
        yield Row.of(f"ivpt, prototypes: {told}", made.forwards(rounds), "forwards")
    for each in (5, 10, 20):
        made = Stepping("protopnet", threads=threads, batch_size=batch_size, settings={"prototypes_per_class": each})
        yield Row.of(f"protopnet, {each} prototypes a class", made.forwards(rounds), "forwards")
