"""Whether the processes that are to train a run together can share its batches; needs no torch."""

from ...errors import UserError
from ...methods.cards.base import MethodCard


def check_method(card: MethodCard, workers: int) -> None:
    """Refuse methods whose losses do not know of shares.

    Raises:
        UserError: the card does not say that they do.
    """
    if workers > 1 and not card.shares_batches:
        raise UserError(f"--workers-per-run {workers}: {card.name} does not say that its loss can be shared by several "
                        "processes (shares_batches on its card); leave the option out")


def check_batch(batch_size: int, workers: int, images: int | None = None) -> None:
    """Refuse batches that processes cannot share evenly: the mean of their means would not be the batch's.

    Args:
        images: of the training split, where that is known; fewer than a batch make one batch.

    Raises:
        UserError: ``workers`` does not divide a batch.
    """
    if batch_size % workers:
        raise UserError(f"--workers-per-run {workers} cannot share batches of {batch_size} images evenly; "
                        f"give a --batch-size that {workers} divides")
    if images is not None and images < batch_size and images % workers:
        raise UserError(f"--workers-per-run {workers} cannot share a single batch of all {images} training images "
                        f"evenly; give a --batch-size that {workers} divides and that is at most {images}")
