"""IVPT: prompts made of concept regions, found by prototypes in the last blocks of a frozen transformer.

Wang et al., "Exploring Interpretability for Visual Prompt Tuning with Cross-layer Concepts", ICLR 2026. Where paper and
public code differ this follows the code: the spatial bias is inside the softmax, and every prompted block groups its
prototypes straight into the N final concepts, so every one of them receives N prompts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, layer_norm

from ..errors import UserError
from .across import drawn
from .backbone import Backbone
from .base import Batch, Explanation, Level, Method, Stage
from .cards.base import Ladder, Tunable
from .cards.ivpt import IVPT as CARD
from .cards.ivpt import IVPTSettings
from .prototypes import assign, full_precision, fuse, group, regions
from .schedules import halving
from .shaping import background_presence, entropy, equivariance, orthogonality, presence, total_variation


@dataclass(frozen=True)
class _View:
    """What one pass over one view leaves: for M prompted blocks, M + 1 levels, the last on the final tokens.

    Attributes:
        maps: per level [B, K_l, h, w], background last; no gradient into the tokens.
        groupings: per prompted block [B, K_l - 1, N], each row a distribution over the final concepts.
        features: [B, D, h, w], final patches, with gradient.
    """

    maps: list[Tensor]
    groupings: list[Tensor]
    features: Tensor

    @property
    def joined(self) -> Tensor:
        """The maps of all levels, [B, sum of K_l, h, w]: their parts in order, then their backgrounds."""
        return torch.cat([*(maps[:, :-1] for maps in self.maps), *(maps[:, -1:] for maps in self.maps)], 1)


class IVPT(Method):
    """Prototypes mark regions at the input of the last M blocks; their mean features become that block's prompts.

    A further level on the output of the last block holds the N concepts that classify: logits are the mean of the
    concepts' class scores. No label reaches the prototypes of earlier levels: the shaping losses and a KL divergence
    towards the final maps move them.

    ``prototypes`` counts K_0..K_M, each with one background prototype, always the last; N = K_M - 1. Designs other
    than ``grouped`` are the paper's ablation: ``last_layer``, ``bias`` and ``regions`` have one level, the last count
    on the final tokens, and no prompts; ``cross_layer`` prompts each block with its K_l - 1 region features.

    Raises:
        UserError: more prompted levels than the backbone has blocks.
    """

    card = CARD
    settings: IVPTSettings

    def __init__(self, backbone: Backbone, classes: int, settings: IVPTSettings):
        super().__init__(backbone, classes, settings)
        prompted = settings.design in ("cross_layer", "grouped")
        counts = settings.prototypes if prompted else settings.prototypes[-1:]
        self.first_block = backbone.depth - (len(counts) - 1)
        if self.first_block < 0:
            raise UserError(f"ivpt.prototypes has {len(counts)} levels and '{backbone.name}' {backbone.depth} blocks; "
                            f"give at most {backbone.depth + 1} counts")
        self.prefix_blocks = None if settings.train_embeddings else self.first_block
        self.views = ("clean", "warped") if settings.equivariance else ("clean",)
        self._build(counts, counts[-1] - 1)

    def _build(self, counts: tuple[int, ...], concepts: int) -> None:
        width, design = self.backbone.width, self.settings.design
        spatial = () if design == "last_layer" else counts
        grouped = counts[:-1] if design == "grouped" else ()
        self.prototypes = nn.ParameterList(0.05 * torch.randn(count, width) for count in counts)
        self.bias = nn.ParameterList(torch.zeros(count, *self.backbone.grid) for count in spatial)
        self.grouping = nn.ModuleList(nn.Linear(width, concepts) for _ in grouped)
        self.prompting = nn.ModuleList(nn.Linear(width, width) for _ in counts[:-1])
        self.modulation = nn.LayerNorm((concepts + 1, width))
        self.classifier = nn.Linear(width, self.classes, bias=False)
        for linear in (*self.prompting, self.classifier):
            nn.init.trunc_normal_(linear.weight, std=0.02)
        for linear in self.prompting:
            nn.init.zeros_(linear.bias)
        # The shaping losses are means over levels of means over parts, taken of all levels at once.
        shares = [torch.full((count - 1,), 1 / (count - 1) / len(counts)) for count in counts]
        self.register_buffer("_shares", torch.cat(shares), persistent=False)
        trained = self.backbone.embedding_parameters() if self.settings.train_embeddings else {}
        self.embeddings = nn.ParameterDict(trained)

    def tokens(self, batch: Batch | Tensor) -> Tensor:
        """Tokens [B, S, D] entering the first prompted block, with gradient into embeddings that are trained."""
        batch = Batch.of(batch)
        if not self.settings.train_embeddings:
            return super().tokens(batch)
        return self.backbone.run(self.backbone.embed(batch.images, self.embeddings), 0, self.first_block)

    def forward(self, batch: Batch | Tensor) -> Tensor:
        view = self._look(self.tokens(batch))
        return self._scores(self._concepts(view)).mean(1)

    def _look(self, tokens: Tensor, maps_only: bool = False) -> _View:
        """One pass from tokens entering the first prompted block.

        With ``maps_only`` gradients reach prototypes and bias through the maps and nothing is kept of the blocks: the
        maps stop the gradient at the tokens anyway, so this is exact.
        """
        wanted = torch.is_grad_enabled()
        maps, groupings = [], []
        with torch.set_grad_enabled(wanted and not maps_only):
            for level in range(len(self.prompting)):
                features = self._features(tokens.detach())
                with torch.set_grad_enabled(wanted):
                    maps.append(self._assign(level, features))
                prompts, grouping = self._prompts(level, features, maps[-1].detach())
                groupings += [] if grouping is None else [grouping]
                tokens = self.backbone.run_with_prompts(tokens, self.first_block + level, prompts.to(tokens.dtype))
            features = self._features(tokens)
        maps.append(self._assign(-1, features.detach()))
        return _View(maps, groupings, features)

    def _features(self, tokens: Tensor) -> Tensor:
        """Patches [B, D, h, w] under the backbone's final norm, which is used at every depth."""
        with full_precision(tokens):
            return self.backbone.patches(self.backbone.norm(tokens[:, self.backbone.prefix:].float()))

    def _assign(self, level: int, features: Tensor) -> Tensor:
        return assign(features, self.prototypes[level], self.bias[level] if len(self.bias) else None)

    def _prompts(self, level: int, features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor | None]:
        """Prompts [B, P, D] of a block from its regions, and the grouping [B, K_l - 1, N] where there is one."""
        means, empty = regions(features, maps)
        means, empty = means[:, :-1], empty[:, :-1]
        with full_precision(features):
            if not len(self.grouping):
                # Normalised one by one: an empty region, a zero vector, must not shift the other prompts.
                return self.prompting[level](layer_norm(means, means.shape[2:])), None
            grouping = self._group(level, means, empty)
            # An empty region has nothing to say in a prompt: its share goes to the others.
            prompts = fuse(means, grouping.detach() * ~empty[..., None])
            return self.prompting[level](layer_norm(prompts, prompts.shape[1:])), grouping

    def _group(self, level: int, means: Tensor, empty: Tensor) -> Tensor:
        """Share of each final concept in each prototype, [B, K_l - 1, N]; even where the region is empty."""
        logits = self.grouping[level](means)
        if self.training and self.settings.grouping_noise:
            # Gumbel noise. The clamp keeps the one draw in millions that is exactly zero from becoming infinite.
            noise = drawn(lambda batch: logits.new_empty(batch, *logits.shape[1:]).exponential_(), len(logits))
            logits = logits - noise.clamp_min(1e-20).log()
        return logits.softmax(2).masked_fill(empty[..., None], 1 / logits.shape[2])

    def _concepts(self, view: _View) -> Tensor:
        """Modulated features [B, N + 1, D] of the final regions, background last, with gradient into the maps."""
        hard = self.settings.design not in ("last_layer", "bias")
        means, _ = regions(view.features, view.maps[-1], hard)
        with full_precision(means):
            return self.modulation(means)

    def _scores(self, concepts: Tensor) -> Tensor:
        """Class scores of each concept [B, N, C]; the background has none."""
        with full_precision(concepts):
            return self.classifier(concepts[:, :-1])

    def loss(self, batch: Batch | Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """The paper's eight terms, weighted, fp32. A term of weight zero, or that a design lacks, is left out."""
        batch = Batch.labelled(batch, labels)
        if self.settings.equivariance and batch.warped is None:
            batch = batch.with_warp()
        view = self._look(self.tokens(batch))
        other = self._warped_maps(batch) if self.settings.equivariance else None
        with full_precision(view.features):
            terms = self._terms(batch, view, other)
            return {name: weight * terms[name]() for name in terms if (weight := getattr(self.settings, name))}

    def _warped_maps(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            tokens = self.tokens(batch.warped)
        return self._look(tokens, maps_only=True).joined

    def _terms(self, batch: Batch, view: _View, other: Tensor | None) -> dict[str, Callable[[], Tensor]]:
        """The terms that the design has, each computed when called; ``other``: the joined maps of the warped view."""
        concepts, maps, levels, parts = self._concepts(view), view.joined, len(view.maps), len(self._shares)
        terms = {
            "classification": lambda: cross_entropy(self._scores(concepts).mean(1), batch.labels),
            "presence": lambda: presence(maps[:, :parts], self._shares),
            "background_presence": lambda: background_presence(maps[:, parts:].flatten(0, 1)),
            "entropy": lambda: entropy(maps) / levels,
            "total_variation": lambda: total_variation(maps) / levels,
            "equivariance": lambda: equivariance(maps[:, :parts], other[:, :parts], batch.affine, self._shares),
            "orthogonality": lambda: orthogonality(concepts),
        }
        return terms | ({"consistency": lambda: _consistency(view)} if view.groupings else {})

    @torch.no_grad()
    def explain(self, batch: Batch | Tensor, targets: Tensor | None = None, saliency: bool = True) -> Explanation:
        """``final`` are the concepts that classify; ``public`` is the third-from-last level, else the first.

        Saliency is the sum of the concepts' maps, each weighted by how far its score for the target lies above its
        mean score over classes, where it does.
        """
        view = self._look(self.tokens(batch))
        scores = self._scores(self._concepts(view))
        logits = scores.mean(1)
        targets = logits.argmax(1) if targets is None else targets
        final, evidence = _level(view.maps[-1]), None
        chosen = targets[:, None, None].expand(-1, scores.shape[1], 1)
        if saliency:
            weights = (scores - scores.mean(2, keepdim=True)).gather(2, chosen).relu()
            evidence = (weights[..., None] * final.part_maps).sum(1)
        public = max(len(view.maps) - 3, 0)
        levels = {"public": _level(view.maps[public])} if public < len(view.maps) - 1 else {}
        return Explanation(logits, final.part_maps, final.part_ids, final.background, evidence, levels,
                           scores.gather(2, chosen)[..., 0] / scores.shape[1])

    @torch.no_grad()
    def hierarchy(self, batch: Batch | Tensor) -> dict[str, Level]:
        """Every prompted level, by the block it prompts (counted from 1), with its grouping into the final concepts."""
        view = self._look(self.tokens(batch))
        return {f"block {self.first_block + level + 1}": replace(_level(maps), shares=shares)
                for level, (maps, shares) in enumerate(zip(view.maps, view.groupings, strict=False))}

    def stages(self, epochs: int) -> list[Stage]:
        """The public recipe, its halving every 4 of 25 epochs stretched to ``epochs``."""
        return [Stage("train", epochs, self._param_groups, torch.optim.Adam, clip=2.0, schedule=halving(epochs),
                      augmentation="affine_crop_flip")]

    def _param_groups(self) -> list[dict[str, Any]]:
        fine = (self.prototypes, self.bias, self.embeddings)
        head = (self.grouping, self.prompting, self.modulation, self.classifier)
        rates = (fine, self.settings.prototype_rate), (head, self.settings.head_rate)
        return [{"params": [p for module in modules for p in module.parameters()], "lr": rate}
                for modules, rate in rates]

    def tunables(self) -> dict[str, Tunable | Ladder]:
        """Those of the card that the design has, with no more levels than the backbone has room for."""
        found = super().tunables()
        ladder = found["prototypes"]
        return found | {"prototypes": replace(ladder, most=min(ladder.most, self.backbone.depth + 1))}


def _level(maps: Tensor) -> Level:
    parts = maps[:, :-1]
    return Level(parts, torch.arange(parts.shape[1], device=maps.device).expand(parts.shape[:2]), maps[:, -1])


def _consistency(view: _View) -> Tensor:
    """KL divergence from the final maps, as they are, to every level's grouped maps; mean over patches and levels."""
    target = view.maps[-1].detach()
    levels = zip(view.maps[:-1], view.groupings, strict=True)
    grouped = torch.stack([group(maps, shares) for maps, shares in levels])
    # The small constant: grouping shares may underflow to zero.
    return (target * (target.log() - (grouped + 1e-10).log())).sum(2).mean()
