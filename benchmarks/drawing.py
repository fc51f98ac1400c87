"""How fast synthetic_birds are drawn: pictures a second on one core, with all that is known of them.

    python benchmarks/drawing.py
"""

import time

from partbench.datasets.birds.render import render
from partbench.datasets.birds.traits import classes

SIZES, PICTURES, ROUNDS = (96, 128, 224), 200, 3


def rate(size: int) -> float:
    """Pictures a second, the best of a few rounds."""
    traits = classes(20, 0)
    best = 0.0
    for turn in range(ROUNDS):
        started = time.perf_counter()
        for number in range(PICTURES):
            render(("benchmark", turn, number), traits[number % len(traits)], size)
        best = max(best, PICTURES / (time.perf_counter() - started))
    return best


if __name__ == "__main__":
    for size in SIZES:
        print(f"{size:4d} px: {rate(size):4.0f} pictures/s, masks and keypoints included")
