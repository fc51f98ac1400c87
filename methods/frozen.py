"""What every backbone is: frozen, shared between methods, and copied by those that train it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar, Self

from torch import Tensor, nn


class FrozenNetwork(nn.Module):
    """A network without gradients, in eval mode whatever ``.train()`` says. Its owner freezes it, see :meth:`freeze`.

    Attributes:
        convolutional: without blocks of tokens; methods say whether they take such a one.
        name: as timm knows it.
        width, depth: channels of a token, number of blocks.
        grid: (h, w) patches, always the last tokens.
        prefix: tokens before the patches.
        mean, std: the normalisation of its training, per channel in [0, 1] pixels.
        image_size: side in pixels.
        checkpointing: what a block computes is not kept for its gradient but computed once more by the backward pass
            (gradient checkpointing, Chen et al. 2016, arXiv:1604.06174): less memory, the same numbers.
        onednn: frozen blocks that no prompt enters are computed by :mod:`.frozen_linear` without gradient, too.
    """

    convolutional: ClassVar[bool] = False
    checkpointing = False
    onednn = False
    width: int
    depth: int
    grid: tuple[int, int]
    prefix: int
    image_size: int

    def __init__(self, name: str, config: Mapping[str, Any]):
        super().__init__()
        self.name = name
        self.mean, self.std = tuple(config["mean"]), tuple(config["std"])
        self._trainable = False

    def train(self, mode: bool = True) -> Self:
        return super().train(mode and self._trainable)

    def freeze(self) -> None:
        """Eval mode and no gradients."""
        self.eval().requires_grad_(False)

    def trainable_copy(self) -> Self:
        """A copy that trains, gradients and all, for a method to own."""
        copy = deepcopy(self)
        copy._trainable = True
        return copy.requires_grad_(True).train()

    def patches(self, tokens: Tensor) -> Tensor:
        """The last h*w of tokens [B, S, D], as [B, D, h, w]."""
        height, width = self.grid
        return tokens[:, -height * width:].transpose(1, 2).unflatten(2, (height, width))
