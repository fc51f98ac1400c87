"""Linear probe: logistic regression on the features of a frozen backbone, and post-hoc explanations of it."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..errors import UserError
from .attention_parts import over_patches
from .backbone import Backbone
from .base import Batch, Explanation, Method, Stage
from .cards.linear_probe import LINEAR_PROBE, LinearProbeSettings
from .class_activation import eigen_cam, layer_cam
from .grad_cam import grad_cam, last_block_evidence
from .prompting import read_tokens
from .rollout import rollout
from .schedules import warm_cosine

_FROM_GRADIENTS = {"grad_cam": grad_cam, "layer_cam": layer_cam}


class LinearProbe(Method):
    """A frozen backbone and one linear layer: the accuracy that interpretable methods are held against.

    Its part maps are the class token's attention heads in the last block, which nobody trained to be parts: read its
    consistency as a floor, not as a result. The explainers differ in the saliency alone, and share one training.
    Without a class token the mean patch takes its place, in the features and as the query.

    Raises:
        UserError: features of a class token that the backbone does not have.
    """

    card = LINEAR_PROBE
    settings: LinearProbeSettings

    def __init__(self, backbone: Backbone, classes: int, settings: LinearProbeSettings):
        super().__init__(backbone, classes, settings)
        self.both = settings.features == "class_token_and_mean_patch"
        if self.both and not backbone.vit.has_class_token:
            raise UserError(f"linear_probe.features: '{backbone.name}' has no class token; leave the default, which "
                            "reads the mean patch there")
        self.last = backbone.depth - 1
        # Training runs the last block alone. Rollout reads every block: it explains from the first one's tokens.
        self.prefix_blocks = 0 if settings.explainer == "rollout" else self.last
        self.head = nn.Linear((1 + self.both) * backbone.width, classes)

    def forward(self, batch: Batch | Tensor) -> Tensor:
        return self._score(self._states(batch)[-1])

    def _states(self, batch: Batch | Tensor) -> list[Tensor]:
        """Tokens [B, S, D] entering each block from ``prefix_blocks`` to the last one."""
        states = [self.tokens(batch)]
        for block in range(self.prefix_blocks, self.last):
            states.append(self.backbone.run(states[-1], block, block + 1))
        return states

    def _score(self, tokens: Tensor, normed: Tensor | None = None) -> Tensor:
        """Logits from tokens entering the last block, and from these under its first norm where they are given."""
        block, read = self.backbone.vit.blocks[self.last], slice(None) if self.both else self.backbone.readout
        outputs = self.backbone.norm(read_tokens(block, tokens, read, normed=normed))
        if not self.both:
            return self.head(outputs.mean(1))
        return self.head(torch.cat([outputs[:, 0], self.backbone.patches(outputs).mean((2, 3))], 1))

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        batch = Batch.labelled(batch, labels)
        return {"cross_entropy": cross_entropy(self(batch).float(), batch.labels)}

    @torch.no_grad()
    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """Saliency as the setting ``explainer`` says; attention, Eigen-CAM and rollout are the same for all targets."""
        states = self._states(batch)
        logits, maps = self._score(states[-1]), self._head_maps(states[-1])
        targets = logits.argmax(1) if targets is None else targets
        part_ids = torch.arange(maps.shape[1], device=maps.device).expand(maps.shape[:2])
        return Explanation(logits, maps, part_ids, saliency=self._saliency(states, maps, targets) if saliency else None)

    def _head_maps(self, tokens: Tensor) -> Tensor:
        """Where each head of the last block looks, summing to one: [B, heads, h, w]."""
        rows = self.backbone.attention_rows(tokens, self.last, self.backbone.readout).mean(2)
        return over_patches(rows, self.backbone.grid)

    def _saliency(self, states: list[Tensor], maps: Tensor, targets: Tensor) -> Tensor:
        explainer, tokens = self.settings.explainer, states[-1]
        if explainer == "attention":
            return maps.mean(1)
        if explainer == "rollout":
            weights = torch.zeros(tokens.shape[1], device=tokens.device)
            weights[self.backbone.readout] = 1
            return rollout(self.backbone, states, weights / weights.sum())
        if explainer == "eigen_cam":
            return eigen_cam(self.backbone.patches(self.backbone.vit.blocks[self.last].norm1(tokens)))
        evidence = last_block_evidence(self.backbone, tokens, partial(self._score, tokens), targets)
        return _FROM_GRADIENTS[explainer](evidence)

    def stages(self, epochs: int) -> list[Stage]:
        """AdamW with a linear warm-up over the first tenth and a cosine to zero."""
        return [Stage(
            name="probe",
            epochs=epochs,
            param_groups=lambda: [{"params": list(self.head.parameters()), "lr": self.settings.learning_rate}],
            optimiser=lambda groups: torch.optim.AdamW(groups, weight_decay=self.settings.weight_decay),
            schedule=warm_cosine(epochs),
        )]
