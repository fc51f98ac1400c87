"""The frozen vision transformer that methods share, taken block by block."""

from collections.abc import Callable, Mapping

import torch
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from ..errors import UserError
from .cnn_backbone import CNNBackbone
from .frozen import FrozenNetwork
from .prompting import project, read_prompts, with_prompts, without_prompts
from .weights import build


class _Embed(nn.Module):
    """Everything before the first block, as timm does it; a module of its own so that parameters can be swapped."""

    def __init__(self, vit: VisionTransformer):
        super().__init__()
        self.vit = vit

    def forward(self, images: Tensor) -> Tensor:
        vit = self.vit
        return vit.norm_pre(vit.patch_drop(vit._pos_embed(vit.patch_embed(images))))


class Backbone(FrozenNetwork):
    """A timm vision transformer: frozen, in eval mode whatever ``.train()`` says, and shared between methods.

    The patches are always the last ``h*w`` tokens; before them stand ``prefix`` class and register tokens.

    Attributes:
        width, depth, heads: D, number of blocks, attention heads.
        grid: (h, w) patches.
        prefix: class, distillation and register tokens, 0 to 5.
        readout: the tokens that stand for the whole image: the class token, or all patches where there is none.
        mean, std: the normalisation of its training, per channel in [0, 1] pixels.
        image_size: side in pixels.
    """

    def __init__(self, vit: VisionTransformer, name: str):
        super().__init__(name, vit.pretrained_cfg)
        block = vit.blocks[0]
        if not isinstance(block, Block) or not hasattr(block.attn, "qkv"):
            raise UserError(f"backbone '{name}' has {type(block).__name__} blocks; choose a timm ViT with plain blocks")
        self.vit = vit
        self._embed = (_Embed(vit),)  # in a tuple: the same module must not be registered twice
        self.width, self.depth, self.heads = vit.embed_dim, len(vit.blocks), block.attn.num_heads
        self.grid: tuple[int, int] = vit.patch_embed.grid_size
        self.prefix: int = vit.num_prefix_tokens
        self.readout = slice(0, 1) if vit.has_class_token else slice(self.prefix, None)
        self.image_size: int = vit.patch_embed.img_size[0]
        self.freeze()

    def layers(self) -> list[list[nn.Parameter]]:
        """Parameters by depth: everything before the first block, each block, the final norm."""
        inside = {id(parameter) for parameter in self.vit.blocks.parameters()}
        norms = [*self.vit.norm.parameters(), *self.vit.fc_norm.parameters()]
        inside |= {id(parameter) for parameter in norms}
        before = [parameter for parameter in self.vit.parameters() if id(parameter) not in inside]
        return [before, *(list(block.parameters()) for block in self.vit.blocks), norms]

    def embed(self, images: Tensor, embeddings: Mapping[str, Tensor] | None = None) -> Tensor:
        """Normalised images [B, 3, H, W] -> tokens [B, S, D] entering the first block.

        ``embeddings`` stand in for the backbone's own class, register and position embeddings, by name.
        """
        swapped = {f"vit.{name}": value for name, value in (embeddings or {}).items()}
        return functional_call(self._embed[0], swapped, (images,)) if swapped else self._embed[0](images)

    def embedding_parameters(self) -> dict[str, Tensor]:
        """Copies of the class, distillation, register and position embeddings that this backbone has."""
        names = ("cls_token", "dist_token", "reg_token", "pos_embed")
        found = {name: getattr(self.vit, name, None) for name in names}
        return {name: value.detach().clone() for name, value in found.items() if value is not None}

    def run(self, tokens: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Blocks ``start`` to ``stop`` (exclusive; None: all that follow) on [B, S, D].

        Without gradient this is timm's own forward, to the bit, unless :attr:`onednn`.
        """
        for block in self.vit.blocks[start:stop]:
            if self._trainable or not (self.onednn or (torch.is_grad_enabled() and tokens.requires_grad)):
                tokens = self._through(block, tokens)
            else:
                tokens = self._through(without_prompts, block, tokens)
        return tokens

    def run_with_prompts(self, tokens: Tensor, block: int, prompts: Tensor,
                         key_values: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Block number ``block`` with prompts [P, D] or [B, P, D] whose outputs are discarded: [B, S, D].

        ``key_values`` are further keys and values, each [heads, n, d].
        """
        return self._through(with_prompts, self.vit.blocks[block], tokens, prompts, key_values)

    def read_prompts(self, tokens: Tensor, block: int, prompts: Tensor, isolate: bool = False) -> Tensor:
        """Outputs [B, P, D] of prompts [P, D] or [B, P, D] in block number ``block``, the tokens' being discarded."""
        return self._through(read_prompts, self.vit.blocks[block], tokens, prompts, isolate)

    def _through(self, work: Callable[..., Tensor], *inputs: object) -> Tensor:
        """The output of a block, whose inside is kept for the gradient unless :attr:`checkpointing`."""
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(work, *inputs, use_reentrant=False)
        return work(*inputs)

    def norm(self, tokens: Tensor) -> Tensor:
        """The final LayerNorm; models that normalise after pooling keep it as ``fc_norm``."""
        final = self.vit.fc_norm if isinstance(self.vit.norm, nn.Identity) else self.vit.norm
        return final(tokens)

    def shallow_and_deep(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Patches [B, D, h, w] after a quarter of the blocks, and those after the final norm."""
        quarter = max(1, self.depth // 4)
        tokens = self.run(self.embed(images), 0, quarter)
        return self.patches(tokens), self.patches(self.norm(self.run(tokens, quarter)))

    def attention_rows(self, tokens: Tensor, block: int, queries: Tensor | slice | list[int]) -> Tensor:
        """Attention of some tokens over all, in block number ``block``.

        Args:
            tokens: [B, S, D] entering the block, prompts included.
            queries: positions in the sequence.

        Returns:
            Probabilities [B, heads, Q, S].
        """
        module = self.vit.blocks[block]
        normed = module.norm1(tokens)
        (query,) = project(module, normed[:, queries], "q")
        (key,) = project(module, normed, "k")
        return (query * module.attn.scale @ key.transpose(-2, -1)).float().softmax(-1)


def load_backbone(name: str, weights: str | None = None, image_size: int = 224,
                  device: torch.device | str | None = None) -> Backbone | CNNBackbone:
    """A frozen backbone: a vision transformer, or a convolutional network for the methods that take one.

    Args:
        name: timm model, with or without a pretrained tag (``vit_base_patch14_reg4_dinov2.lvd142m``).
        weights: None downloads what timm holds for the name; else a ``.safetensors`` or ``.pth`` file, or ``random``
            (the same numbers every time).
        image_size: side in pixels, a multiple of the patch or of the last map's stride; position embeddings are
            interpolated to it.

    Raises:
        UserError: unknown model, neither a plain ViT nor convolutional, size that does not fit, weights missing or not
            fitting.
    """
    network = build(name, weights, image_size)
    if isinstance(network, VisionTransformer):
        return Backbone(network, name).to(device)
    return CNNBackbone(network, name, image_size).to(device)
