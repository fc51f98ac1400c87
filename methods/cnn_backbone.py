"""A frozen convolutional network that methods on patch features take like a transformer: one of zero blocks."""

from bisect import bisect_left
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..errors import UserError
from .frozen import FrozenNetwork

_SHALLOW_STRIDE = 4


class CNNBackbone(FrozenNetwork):
    """A timm convolutional network without its head, frozen as every backbone is.

    Its tokens are the cells of its last feature map, row by row; no class token, no blocks, no final norm, no attention
    heads. The last map is what comes before global pooling: of a ResNet ``layer4``, of a DenseNet the last norm with
    its ReLU, of a VGG the fifth pool. The shallow map is the last one of stride 4: ResNet ``layer1``, DenseNet
    ``denseblock1``, VGG the third group of convolutions.

    Attributes:
        stride: pixels per cell of the last map; ``image_size`` is a multiple of it.

    Raises:
        UserError: images too small for a single cell.
    """

    convolutional = True
    depth, prefix = 0, 0

    def __init__(self, network: nn.Module, name: str, image_size: int):
        super().__init__(name, network.pretrained_cfg)
        self.network, self.image_size = network, image_size
        self._maps = [(info["module"], info["reduction"]) for info in network.feature_info]
        self.stride: int = self._maps[-1][1]
        self.freeze()
        # Networks without padding have fewer cells than pixels by stride: look.
        blank = torch.zeros(1, 3, image_size, image_size, device=next(network.parameters()).device)
        try:
            _, self.width, *grid = self._features(blank, -1)[0].shape
        except RuntimeError as error:
            raise UserError(f"'{name}' cannot see images of {image_size} pixels "
                            f"({str(error).splitlines()[0][:100]}); give a larger image size") from error
        self.grid: tuple[int, int] = tuple(grid)

    def _features(self, images: Tensor, *maps: int) -> list[Tensor]:
        indices = [number % len(self._maps) for number in maps]
        return self.network.forward_intermediates(images, indices=indices, intermediates_only=True)

    def embed(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W] -> the last feature map as tokens [B, h*w, D]."""
        return self._features(images, -1)[0].flatten(2).transpose(1, 2)

    def run(self, tokens: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The tokens: there are no blocks."""
        return tokens

    def norm(self, tokens: Tensor) -> Tensor:
        """The tokens: the network normalises inside."""
        return tokens

    def shallow_and_deep(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The last map of stride 4 [B, D', h', w'], and the last map [B, D, h, w]."""
        strides = [stride for _, stride in self._maps]
        shallow = max(0, bisect_left(strides, _SHALLOW_STRIDE + 1) - 1)
        first, last = self._features(images, shallow, -1)
        return first, last

    def layers(self) -> list[list[nn.Parameter]]:
        """Parameters by depth: up to the first feature map, and between each map and the next."""
        names = [name for name, _ in self.network.named_modules()]
        ends = [max(position for position, name in enumerate(names) if f"{name}.".startswith(f"{module}."))
                for module, _ in self._maps]
        depths = [min(bisect_left(ends, position), len(ends) - 1) for position in range(len(names))]
        owned = list(zip(depths, self.network.modules(), strict=True))
        return [[parameter for at, module in owned if at == depth for parameter in module.parameters(recurse=False)]
                for depth in range(len(ends))]


def is_convolutional(network: nn.Module) -> bool:
    """Whether timm gives feature maps of growing stride for images of any size."""
    if network.pretrained_cfg.get("fixed_input_size") or not hasattr(network, "feature_info"):
        return False
    strides = [info["reduction"] for info in network.feature_info]
    return len(strides) > 1 and all(one < other for one, other in pairwise(strides))


def behead(network: nn.Module) -> set[str]:
    """Cut off what comes after the last feature map; the names of the tensors that are gone."""
    whole = set(network.state_dict())
    last = len(list(network.feature_info)) - 1
    network.prune_intermediate_layers([last], prune_norm=False, prune_head=True)
    return whole - set(network.state_dict())
