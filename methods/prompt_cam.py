"""Prompt-CAM: one prompt per class, whose attention heads show the traits that make up its score.

Chowdhury et al., "Prompt-CAM: Making Vision Transformers Interpretable for Fine-Grained Analysis", CVPR 2025,
arXiv:2501.09333. Deep (section 2.2): class-agnostic prompts in the first blocks, class prompts in the last one.
"""

from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from .attention_parts import over_patches
from .backbone import Backbone
from .base import Batch, Explanation, Loaders, Method, Stage
from .cards.prompt_cam import PROMPT_CAM, PromptCAMSettings
from .initial import initial_prompts, patches_by_block
from .prompting import attend_one, evolve, finish
from .schedules import warm_cosine

_START_BATCHES = 16  # enough images for a mean
_START_SPREAD = 0.3  # of the public initialisation's spread, around that mean


class PromptCAM(Method):
    """Frozen backbone, prompts, and one linear score shared by all classes.

    Part maps are the attention heads of the target class's prompt: part ``class * heads + head``. They are attention,
    normalised per head over the patches; nobody trained them to partition the image.
    """

    card = PROMPT_CAM
    inert = ("head.bias",)  # the same for all classes: softmax does not see it

    def __init__(self, backbone: Backbone, classes: int, settings: PromptCAMSettings):
        super().__init__(backbone, classes, settings)
        early = classes if settings.agnostic_prompts == "classes" else settings.agnostic_prompts
        if settings.depth == "shallow":
            early = 0
        self.last = backbone.depth - 1
        self.agnostic_prompts = nn.Parameter(initial_prompts(backbone, self.last, early))
        self.class_prompts = nn.Parameter(initial_prompts(backbone, classes))
        self.head = nn.Linear(backbone.width, 1)
        # Without prompts in the first blocks these compute the same numbers in every epoch.
        self.prefix_blocks = self.last if settings.depth == "deep" and not early else 0

    def _dropped(self, prompts: Tensor) -> Tensor:
        """Dropout on the parameter, before it meets the batch: one mask per step, as in the public code."""
        return dropout(prompts, self.settings.dropout, self.training)

    def entering(self, batch: Batch | Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, S, D] and class prompts [C, D] (shallow: [B, C, D]) that enter the last block."""
        tokens, prompts = self.tokens(batch), self._dropped(self.class_prompts)
        if self.settings.depth == "deep":
            for block in range(self.prefix_blocks, self.last):
                tokens = self.backbone.run_with_prompts(tokens, block, self._dropped(self.agnostic_prompts[block]))
            return tokens, prompts
        return evolve(partial(self.backbone.run, stop=self.last), tokens, prompts, self.backbone.prefix)

    def _score(self, tokens: Tensor, prompts: Tensor) -> Tensor:
        outputs = self.backbone.read_prompts(tokens, self.last, prompts, self.settings.isolate)
        return self.head(self.backbone.norm(outputs)).squeeze(-1)

    def forward(self, batch: Batch | Tensor) -> Tensor:
        return self._score(*self.entering(batch))

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        batch = Batch.labelled(batch, labels)
        return {"cross_entropy": cross_entropy(self(batch).float(), batch.labels)}

    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Saliency is the mean map of the ``top_heads`` that the target's score needs most on this image."""
        tokens, prompts = self.entering(batch)
        logits = self._score(tokens, prompts)
        targets = logits.argmax(1) if targets is None else targets
        attention, values = self._attend(tokens, prompts, targets)
        maps = self._maps(attention)
        heads = torch.arange(self.backbone.heads, device=maps.device)
        evidence = None
        if saliency:
            top = self._rank(prompts, targets, attention, values)[:, :self.settings.top_heads]
            evidence = maps[torch.arange(len(maps), device=maps.device)[:, None], top].mean(1)
        return Explanation(logits, maps, targets[:, None] * self.backbone.heads + heads, saliency=evidence)

    def head_maps(self, batch: Batch | Tensor, targets: Tensor) -> Tensor:
        """Maps [B, heads, h, w] of any class's prompt on any image: whether it sees its traits there."""
        tokens, prompts = self.entering(batch)
        return self._maps(self._attend(tokens, prompts, targets)[0])

    def part_order(self, batch: Batch | Tensor, targets: Tensor) -> Tensor:
        """:meth:`head_ranking`: the score is no sum over heads."""
        return self.head_ranking(batch, targets)

    def head_ranking(self, batch: Batch | Tensor, targets: Tensor) -> Tensor:
        """Heads by importance for the target's score, most important first: long [B, heads] (section 2.4).

        Greedily blurs (attention uniform over the patches) the head whose loss leaves the score highest; the last
        head to be blurred is the most important. Blurring a head of one class's prompt changes that class's score
        only, so every candidate costs one token through the rest of the last block, and the ranking is exact.
        """
        tokens, prompts = self.entering(batch)
        return self._rank(prompts, targets, *self._attend(tokens, prompts, targets))

    def _attend(self, tokens: Tensor, prompts: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return attend_one(self.backbone.vit.blocks[self.last], tokens, prompts, targets, self.settings.isolate)

    def _maps(self, attention: Tensor) -> Tensor:
        return over_patches(attention, self.backbone.grid)

    def _rank(self, prompts: Tensor, targets: Tensor, attention: Tensor, values: Tensor) -> Tensor:
        block, heads = self.backbone.vit.blocks[self.last], self.backbone.heads
        images = torch.arange(len(targets), device=targets.device)
        prompt = prompts[targets] if prompts.ndim == 2 else prompts[images, targets]
        patches = self.backbone.grid[0] * self.backbone.grid[1]
        sharp = (attention.to(values.dtype).unsqueeze(2) @ values).squeeze(2)
        uniform = values[:, :, -patches:].mean(2)
        prompt = prompt[:, None].expand(-1, heads, -1).flatten(0, 1)[:, None]
        normed = block.norm1(prompt)
        each = torch.eye(heads, dtype=torch.bool, device=targets.device)
        blurred = torch.zeros(len(targets), heads, dtype=torch.bool, device=targets.device)
        order = []
        for _ in range(heads):
            trial = torch.where((blurred[:, None] | each)[..., None], uniform[:, None], sharp[:, None])
            output = finish(block, prompt, normed, trial.flatten(0, 1)[:, :, None])
            score = self.head(self.backbone.norm(output)).reshape(-1, heads).masked_fill(blurred, -torch.inf)
            order.append(score.argmax(1))
            blurred[images, order[-1]] = True
        return torch.stack(order[::-1], 1)

    def stages(self, epochs: int) -> list[Stage]:
        """AdamW with a linear warm-up over the first tenth and a cosine to zero."""
        class_specific = [self.class_prompts, *self.head.parameters()]
        groups = [{"params": class_specific, "lr": self.settings.learning_rate}]
        if self.agnostic_prompts.numel():
            groups.append({"params": [self.agnostic_prompts], "lr": self.settings.agnostic_rate})
        return [Stage(
            name="prompts",
            epochs=epochs,
            param_groups=lambda: groups,
            optimiser=lambda groups: torch.optim.AdamW(groups, weight_decay=self.settings.weight_decay),
            schedule=warm_cosine(epochs),
            augmentation="resize_crop_flip",
            prepare=self._start,
        )]

    @torch.no_grad()
    def _start(self, loaders: Loaders) -> None:
        """Move class prompts to where the class token stands when it enters their first block, the others to patches.

        From random prompts most learning rates end at chance: siblings attend to each other instead of the image, and
        class-agnostic ones draw the attention of every token. Without a class token the mean patch stands in.
        """
        if self.settings.start == "random":
            return
        block = self.last if self.settings.depth == "deep" else 0
        total, images = torch.zeros_like(self.class_prompts[0]), 0
        for batch in islice(loaders.augmented, _START_BATCHES):
            if not images and self.agnostic_prompts.numel():
                self.agnostic_prompts.copy_(patches_by_block(
                    self.backbone, self.tokens(batch), self.last, self.agnostic_prompts.shape[1]))
            tokens = self.backbone.run(self.tokens(batch), self.prefix_blocks, block)
            total += (tokens[:, 0] if self.backbone.prefix else tokens.mean(1)).sum(0)
            images += len(batch)
        self.class_prompts.mul_(_START_SPREAD).add_(total / images)
