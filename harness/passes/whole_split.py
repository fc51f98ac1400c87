"""A whole split as it is scored, with tokens from the store where an earlier evaluation left them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from ...methods import Batch
from ..loaders import Clean
from ..prefix.plain import PlainView
from .context import Context


def whole_split(context: Context, name: str, split: str | None = None, *, masks: bool = False, normalised: bool = True,
                pictures: bool = True) -> Iterator[Clean]:
    """Every image of a split (the scored one by default) in file order, as :meth:`Context.batches` has it.

    Where the run stores views, batches bring tokens: what one evaluation computes is stored for all that read as many
    pictures at once.

    Args:
        pictures: read every picture; False: those alone whose tokens are not stored.
    """
    split = split or context.split
    read = partial(context.batches, name, split, masks=masks, normalised=normalised)
    stored = _stored(context, split, name if normalised else f"{name}, not normalised", pictures)
    if stored is not None:
        with stored:
            yield from _with_stored(context, split, stored, read, pictures)
    elif context.plain is not None:
        for clean in read():
            yield replace(clean, tokens=context.tokens(clean.batch.images))
    else:
        yield from read()


def _stored(context: Context, split: str, shows: str, pictures: bool) -> PlainView | None:
    # A GPU is taken to compute tokens about as fast as they are read: there it is pictures left unread that pay.
    if context.plain is None or (pictures and context.normalise.device.type != "cpu"):
        return None
    return context.plain.open(context.dataset[split].ids, shows, context.read_at_once)


def _with_stored(context: Context, split: str, stored: PlainView, read: Callable[..., Iterator[Clean]],
                 pictures: bool) -> Iterator[Clean]:
    unread = list(_unread(context, split))
    opened = [batch for batch, _ in unread if pictures or not stored.holds(batch)]
    cleans = read(indices=list(chain.from_iterable(opened)))
    for batch, clean in unread:
        if batch in opened:
            clean = next(cleans)
        tokens = context.timed(partial(_on_device, context, stored, batch))
        if tokens is None:
            if clean.batch.images is None:  # its tokens are damaged
                [clean] = read(indices=batch)
            tokens = context.tokens(clean.batch.images)
            stored.keep(batch, tokens)
        yield replace(clean, tokens=tokens)


def _on_device(context: Context, stored: PlainView, batch: range) -> Tensor | None:
    tokens = stored.read(batch)
    return None if tokens is None else tokens.to(context.normalise.device)


def _unread(context: Context, split: str) -> Iterator[tuple[range, Clean]]:
    """The places of the images of each batch, and what is known of them without their pictures."""
    ids, labels = context.dataset[split].ids, context.dataset[split].labels
    if context.labels is not None:
        labels = [context.labels[name] for name in ids]
    labels = torch.as_tensor(labels, device=context.normalise.device)
    for start in range(0, len(ids), context.read_at_once):
        batch = range(start, min(start + context.read_at_once, len(ids)))
        yield batch, Clean([], Batch(labels=labels[start:batch.stop], ids=tuple(ids[start:batch.stop])))
