"""Which images are perturbed or drawn again: few, fixed, spread over the classes. No torch."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

from .protocol import Protocol


def fidelity_subset(ids: Sequence[str], labels: Sequence[int], protocol: Protocol,
                    images: int | None = None) -> list[int]:
    """Indices of ``images`` images, ascending: ``protocol.fidelity_images`` where None, all where there are fewer.

    Classes take turns, so their counts differ by one at most while images last. The choice follows a hash of the
    image's id: the order of the data set does not matter, and a smaller subset is part of a larger one.
    """
    classes = defaultdict(list)
    for index, (name, label) in enumerate(zip(ids, labels, strict=True)):
        classes[int(label)].append((sha256(f"{protocol.fidelity_seed}:{name}".encode()).hexdigest(), index))
    turns = [(turn, digest, index) for members in classes.values()
             for turn, (digest, index) in enumerate(sorted(members))]
    return sorted(index for _, _, index in sorted(turns)[:protocol.fidelity_images if images is None else images])
