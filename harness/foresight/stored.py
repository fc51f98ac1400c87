"""How large the stored views of a request become."""

from collections.abc import Iterable

from ...methods.cards.base import Prefix
from ...methods.catalogue import registry as methods
from ..plan import Job
from ..prefix.choice import LIMIT, store_folder, view_bytes, views_seen
from .cost import Sizes, evaluation_of

_GIB = 2**30


def stored_views(jobs: Iterable[Job], sizes: Sizes) -> str:
    """A line for people on jobs that are alike but for method, settings and seed; empty where nothing is stored.

    Methods that leave as many frozen blocks share their views, if they augment alike, which is taken for granted.
    """
    epochs: dict[Prefix, int] = {}
    scored: dict[tuple[int, int], int] = {}  # images, by blocks that are left, and by batch
    storing = [job for job in jobs if job.spec.views]
    for job in storing:
        spec, card = job.spec.training, methods.get(job.spec.method)
        prefix = card.prefix(card.settings(**spec.settings))
        epochs[prefix] = max(spec.epochs, epochs.get(prefix, 0))
        if card.prefix(card.settings(**job.spec.settings)):
            alike = prefix.left, spec.batch_size
            scored[alike] = max(evaluation_of(job, sizes).plain, scored.get(alike, 0))
    if not storing:
        return ""
    first, images = storing[0], sizes.images["train+val"]
    views = {job.spec.method: job.spec.views for job in storing}
    told = ", ".join(f"{count} for {name}" for name, count in views.items())
    line = f"stored views of each of {images:,} images in {store_folder()}: {told}"
    needed = [(view_bytes(first.spec.backbone, first.spec.image_size, images, prefix.warped), seen)
              for prefix, seen in epochs.items()]
    if any(each is None for each, _ in needed):
        return line
    total = sum(each * views_seen(seen, first.spec.views) for each, seen in needed)
    limit = LIMIT if first.prefix_store is None else first.prefix_store
    plain = 2 * view_bytes(first.spec.backbone, first.spec.image_size, sum(scored.values()), warped=False)  # float32
    return f"{line}; about {total / _GIB:.2g} GiB" + (
        f", of which the store keeps {limit / _GIB:.2g}: give a larger --prefix-store" if total > limit else "") + (
        f"; {plain / _GIB:.2g} GiB more of scored images where there is room")
