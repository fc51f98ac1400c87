"""E2VPT: visual prompts as in VPT-Deep, key-value prompts in every head, and pruning of what matters least.

Han et al., "E2VPT: An Effective and Efficient Approach for Visual Prompt Tuning", ICCV 2023: key-value prompts are
section 3.2, pruning and rewinding section 3.3. Unlike the public code, masks are never trained, pruned prompts leave
the model instead of staying as zeros, and rewinding returns to the values that the first training began with.
"""

from dataclasses import replace
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..errors import UserError
from .attention_parts import prompt_maps
from .backbone import Backbone
from .base import Batch, Explanation, Loaders, Stage
from .cards.e2vpt import E2VPT as CARD
from .cards.e2vpt import E2VPTSettings
from .prompt_pruning import SEGMENTS, gather, importance, kept, removed_segments, removed_tokens, spread
from .prompting import read_tokens
from .vpt import VPTDeep


class E2VPT(VPTDeep):
    """VPT-Deep, and n keys and values [L, heads, n, d] beside those of the tokens in every head of every block.

    A first stage learns; then the prompts, and in each of the others the segments, that the loss depends on least are
    removed, everything trained goes back to its initial value, and the second stage trains what is left. Only
    visual prompts are pruned, in all blocks alike. With one epoch, or nothing to prune, there is the first stage only.

    After pruning ``prompts`` is [L, P', S' D/16]: P' prompts with S' segments each.

    Attributes:
        kept_tokens: long [P'], which of the P prompts there still are; these are the part ids.
        kept_segments: long [P', S'], which of the 16 segments each of them has; zeros stand for the others.

    Raises:
        UserError: the backbone's width does not divide into 16 segments.
    """

    card = CARD
    settings: E2VPTSettings
    kept_tokens: Tensor
    kept_segments: Tensor

    def __init__(self, backbone: Backbone, classes: int, settings: E2VPTSettings):
        if backbone.width % SEGMENTS:
            raise UserError(f"e2vpt cuts prompts into {SEGMENTS} segments and '{backbone.name}' is {backbone.width} "
                            f"wide; choose a backbone whose width is a multiple of {SEGMENTS}")
        super().__init__(backbone, classes, settings)
        self.key_values = self._initial_key_values()
        self.register_buffer("kept_tokens", torch.arange(settings.prompts))
        self.register_buffer("kept_segments", torch.arange(SEGMENTS).repeat(settings.prompts, 1))
        tokens, segments = settings.prune_tokens, settings.prune_segments
        self._removed = removed_tokens(settings.prompts, tokens), removed_segments(segments)
        # Buffers, so that a training that a file continues rewinds to the same values.
        for name, parameter in [*self.named_parameters()] if any(self._removed) else []:
            self.register_buffer(_initial(name), parameter.detach().clone())

    def _initial_key_values(self) -> nn.ParameterList:
        """Keys and values, or one tensor for both, with the Kaiming bound of n d inputs."""
        count, attention = self.settings.key_values, self.backbone.vit.blocks[0].attn
        shape = self.backbone.depth, attention.num_heads, count, attention.head_dim
        bound = sqrt(6 / (count * attention.head_dim)) if count else 0.0
        tensors = (1 if self.settings.share_key_values else 2) if count else 0
        return nn.ParameterList(torch.empty(shape).uniform_(-bound, bound) for _ in range(tensors))

    def entering(self, batch: Batch | Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, S, D] and the last prompts, [P', D] or dropped per image [B, P', D], that enter the last block."""
        return self._enter(self.tokens(batch), spread(self.prompts, self.kept_segments))

    def _enter(self, tokens: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`entering` with prompts [L, P', D] or [L, B, P', D]."""
        for block in range(self.last):
            dropped = self._dropped(prompts[block], len(tokens))
            tokens = self.backbone.run_with_prompts(tokens, block, dropped, self._key_values(block))
        return tokens, self._dropped(prompts[self.last], len(tokens))

    def _key_values(self, block: int) -> tuple[Tensor, Tensor] | None:
        return (self.key_values[0][block], self.key_values[-1][block]) if len(self.key_values) else None

    def _score(self, tokens: Tensor, prompts: Tensor, normed: Tensor | None = None) -> Tensor:
        block, readout = self.backbone.vit.blocks[self.last], self.backbone.readout
        outputs = read_tokens(block, tokens, readout, prompts, self._key_values(self.last), normed)
        return self.head(self.backbone.norm(outputs)).mean(1)

    def _maps(self, tokens: Tensor, prompts: Tensor) -> Tensor:
        key_values = self._key_values(self.last)
        return prompt_maps(self.backbone, tokens, prompts, None if key_values is None else key_values[0])

    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """As VPT-Deep's; a part keeps the number its prompt had before pruning."""
        found = super().explain(batch, targets, saliency)
        parts = self.kept_tokens[:found.part_maps.shape[1]]
        return replace(found, part_ids=parts.expand(found.part_maps.shape[:2]))

    def stages(self, epochs: int) -> list[Stage]:
        """VPT-Deep's stage twice, before pruning and after it, with ``epochs`` passes over the data in all.

        The public recipe trains its full length twice; here both stages share one budget, so that every method sees
        the same number of images.
        """
        first = max(1, int(epochs * self.settings.learning_share + 1e-9)) if any(self._removed) else epochs
        stages = [replace(stage, name="learn") for stage in super().stages(first)]
        if first < epochs:
            stages += [replace(stage, name="rewind", prepare=self._prune) for stage in super().stages(epochs - first)]
        return stages

    def _param_groups(self) -> list[dict[str, Any]]:
        decayed, bias = super()._param_groups()
        return [{**decayed, "params": [*decayed["params"], *self.key_values]}, bias]

    @torch.no_grad()
    def _start(self, loaders: Loaders) -> None:
        """As VPT-Deep's; pruning rewinds to the prompts that this leaves."""
        super()._start(loaders)
        if any(self._removed):
            self.get_buffer(_initial("prompts")).copy_(self.prompts)

    @torch.no_grad()
    def _prune(self, loaders: Loaders) -> None:
        """Remove what the training images under the stage's augmentation find least important, and rewind."""
        tokens, segments = self._removed
        of_tokens, of_segments = self._importance(loaders)
        self.kept_tokens = kept(of_tokens, tokens)
        self.kept_segments = kept(of_segments[self.kept_tokens], segments)
        initial = {name: self.get_buffer(_initial(name)) for name, _ in self.named_parameters()}
        self.prompts = nn.Parameter(gather(initial.pop("prompts"), self.kept_tokens, self.kept_segments))
        for name, value in initial.items():
            self.get_parameter(name).copy_(value)

    def _importance(self, loaders: Loaders) -> tuple[Tensor, Tensor]:
        training = self.training
        self.eval()
        batches = (part for batch in loaders.augmented for part in batch.parts(loaders.parts))
        found = importance(self._losses, self.prompts, batches)
        self.train(training)
        return found

    def _losses(self, batch: Batch, prompts: Tensor) -> Tensor:
        """Cross-entropy of each image under prompts of its own [L, B, P, D]."""
        logits = self._score(*self._enter(self.tokens(batch), prompts))
        return cross_entropy(logits.float(), batch.labels, reduction="none")

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *others: Any) -> None:
        """Take the shapes that pruning left before the values: a state from either stage fits a method in either."""
        for name in ("prompts", "kept_tokens", "kept_segments"):
            own, saved = getattr(self, name), state_dict.get(prefix + name)
            if any(self._removed) and saved is not None and saved.shape != own.shape:
                taken = own.detach().new_empty(saved.shape)
                setattr(self, name, nn.Parameter(taken) if isinstance(own, nn.Parameter) else taken)
        super()._load_from_state_dict(state_dict, prefix, *others)


def _initial(name: str) -> str:
    """Name of the buffer with a parameter's initial value; a buffer's name holds no dot."""
    return f"initial_{name.replace('.', '_')}"
