"""Visual prompt tuning: learned tokens beside the patches of a frozen transformer, and a linear head.

Jia et al., "Visual Prompt Tuning", ECCV 2022, section 3.2. Shallow: prompts enter the first block and evolve. Deep:
every block has prompts of its own, whose outputs are thrown away.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from .across import drawn
from .attention_parts import prompt_maps
from .backbone import Backbone
from .base import Batch, Explanation, Loaders, Method, Stage
from .cards.vpt import VPT_DEEP, VPT_SHALLOW, VPTSettings
from .grad_cam import grad_cam, last_block_evidence
from .initial import initial_prompts, patches_as_prompts, patches_by_block
from .prompting import evolve, read_tokens
from .schedules import warm_cosine

_MOST_MAPS = 10  # as many part maps as other methods show, also of a hundred prompts


class VPT(Method):
    """What both depths share. The head reads the class token under the final norm; without one, the mean patch.

    Part maps are where the first ten prompts look in the last block: attention, which nobody trained to find parts.
    """

    prefix_blocks = 0
    settings: VPTSettings

    def __init__(self, backbone: Backbone, classes: int, settings: VPTSettings):
        super().__init__(backbone, classes, settings)
        self.last = backbone.depth - 1
        self.prompts = nn.Parameter(self._initial_prompts())
        self._build_head()

    def _initial_prompts(self) -> Tensor:
        raise NotImplementedError

    def _patches(self, tokens: Tensor) -> Tensor:
        """Prompts drawn from the patches of training images, whose tokens [B, S, D] enter the first block."""
        raise NotImplementedError

    def _build_head(self) -> None:
        self.head = nn.Linear(self.backbone.width, self.classes)
        # Not the public code's Kaiming weights of spread sqrt(2 / C), made for many classes and long training: with 40
        # classes the loss begins at 12 nats, and most of a short training goes into unlearning the head.
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def entering(self, batch: Batch | Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, S, D], and prompts [P, D] or [B, P, D], that enter the last block."""
        raise NotImplementedError

    def _dropped(self, prompts: Tensor, images: int) -> Tensor:
        """Dropout with a mask of its own for every image; where nothing is dropped, prompts [P, D] as they are."""
        rate = self.settings.dropout
        if not self.training or not rate:
            return prompts
        return drawn(lambda batch: dropout(prompts.expand(batch, -1, -1), rate), images)

    def _score(self, tokens: Tensor, prompts: Tensor, normed: Tensor | None = None) -> Tensor:
        """Logits from what enters the last block; ``normed``: what its attention sees of the tokens, if not that."""
        block, readout = self.backbone.vit.blocks[self.last], self.backbone.readout
        return self.head(self.backbone.norm(read_tokens(block, tokens, readout, prompts, normed=normed)).mean(1))

    def _maps(self, tokens: Tensor, prompts: Tensor) -> Tensor:
        return prompt_maps(self.backbone, tokens, prompts)

    def forward(self, batch: Batch | Tensor) -> Tensor:
        return self._score(*self.entering(batch))

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Cross-entropy."""
        batch = Batch.labelled(batch, labels)
        return {"cross_entropy": cross_entropy(self(batch).float(), batch.labels)}

    @torch.no_grad()
    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Part maps are the attention of the first prompts, at most ten; saliency is Grad-CAM in the last block."""
        tokens, prompts = self.entering(batch)
        maps = self._maps(tokens, prompts)[:, :_MOST_MAPS]
        part_ids = torch.arange(maps.shape[1], device=maps.device).expand(maps.shape[:2])
        if not saliency:
            return Explanation(self._score(tokens, prompts), maps, part_ids)
        evidence = last_block_evidence(self.backbone, tokens, partial(self._score, tokens, prompts), targets)
        return Explanation(evidence.logits, maps, part_ids, saliency=grad_cam(evidence))

    def stages(self, epochs: int) -> list[Stage]:
        """SGD with momentum, a linear warm-up over the first tenth and a cosine to zero."""
        return [Stage("prompts", epochs, self._param_groups, partial(torch.optim.SGD, momentum=0.9),
                      schedule=warm_cosine(epochs), prepare=self._start)]

    @torch.no_grad()
    def _start(self, loaders: Loaders) -> None:
        """Before training: prompts become patches of training images, where the settings say so."""
        if self.settings.start == "patches":
            self.prompts.copy_(self._patches(self.tokens(next(iter(loaders.augmented)))))

    def _param_groups(self) -> list[dict[str, Any]]:
        rate, decay = self.settings.learning_rate, self.settings.weight_decay
        return [{"params": [self.prompts, self.head.weight], "lr": rate, "weight_decay": decay},
                {"params": [self.head.bias], "lr": rate, "weight_decay": 0.0}]


class VPTShallow(VPT):
    """Prompts [P, D] stand between prefix and patches before the first block and are tokens like the others."""

    card = VPT_SHALLOW

    def _initial_prompts(self) -> Tensor:
        return initial_prompts(self.backbone, self.settings.prompts)

    def _patches(self, tokens: Tensor) -> Tensor:
        return patches_as_prompts(self.backbone, tokens, self.settings.prompts)

    def entering(self, batch: Batch | Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, S, D] and evolved prompts [B, P, D] that enter the last block."""
        tokens = self.tokens(batch)
        prompts = self._dropped(self.prompts, len(tokens))
        return evolve(partial(self.backbone.run, stop=self.last), tokens, prompts, self.backbone.prefix)


class VPTDeep(VPT):
    """Prompts [L, P, D], fresh ones for every block: they act through their keys and values alone."""

    card = VPT_DEEP

    def _initial_prompts(self) -> Tensor:
        return initial_prompts(self.backbone, self.backbone.depth, self.settings.prompts)

    def _patches(self, tokens: Tensor) -> Tensor:
        return patches_by_block(self.backbone, tokens, self.backbone.depth, self.settings.prompts)

    def entering(self, batch: Batch | Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, S, D] and the last prompts, [P, D] or dropped per image [B, P, D], that enter the last block."""
        tokens = self.tokens(batch)
        for block in range(self.last):
            tokens = self.backbone.run_with_prompts(tokens, block, self._dropped(self.prompts[block], len(tokens)))
        return tokens, self._dropped(self.prompts[self.last], len(tokens))
