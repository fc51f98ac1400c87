"""How many forward passes an evaluation takes, counted before the first is made. No torch.

The passes themselves are in :mod:`.passes`; a test holds their progress to these counts.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from ..metrics import registry as metrics
from ..metrics.protocol import Protocol

CONTROL_IMAGES = 50  # of insertion and deletion, for each control; a part of the method's own subset
BACKGROUNDS = (1, 2)  # that a picture is drawn before again; 0 is its own


@dataclass(frozen=True)
class Evaluation:
    """What the cost of an evaluation depends on.

    Attributes:
        needs: of the metrics that are scored.
        images: that are scored.
        fitted: images that the method was trained on.
        parts: annotated parts.
        planted: pictures can be drawn again without a part.
        class_specific: each class has parts of its own.
    """

    protocol: Protocol
    needs: Collection[str]
    images: int
    fitted: int
    parts: int
    planted: bool
    class_specific: bool

    @property
    def forwards(self) -> float:
        """Forward passes of one image in all."""
        return (self._whole_images() + self._part_views() + self._curves()
                + self._subset("occlusion_images", {"occlusion"} if self.parts else set(), 1 + self.parts)
                + self._subset("planted_images", {"removal", "planted", "background"} if self.planted else set(),
                               redrawn_forwards(self.parts)))

    @property
    def plain(self) -> int:
        """Those of whole splits without noise, whose first blocks a run with stored views finds stored, or stores."""
        return self._whole_images() + (self._part_views() and self.images)

    def of_controls(self, names: Collection[str]) -> float:
        """Forward passes of controls, about."""
        few = replace(self, protocol=self.protocol.model_copy(update={
            "fidelity_images": min(CONTROL_IMAGES, self.protocol.fidelity_images)}))
        further = {"untrained": self._part_views() + self.images, "shuffled": self.images * (1 + self.class_specific)}
        return sum(few._curves() + further.get(name, 0) for name in names)

    def _wants(self, *needs: str) -> bool:
        return not set(needs).isdisjoint(self.needs)

    def _whole_images(self) -> int:
        """One pass serves prediction and part discovery where they look at the same pixels."""
        protocol, shared = self.protocol, self.parts and not self.class_specific
        discovers = self._wants("overlap") or (shared and self._wants("assignment", "centroids"))
        together = protocol.accuracy_view == protocol.assignment_view and protocol.assignment_normalised
        passes = bool(self._wants("logits") or (discovers and together)) + bool(discovers and not together)
        return passes * self.images + (self.fitted if shared and self._wants("centroids") else 0)

    def _part_views(self) -> int:
        """Clean and noisy; where no part is annotated, peaks still say how far apart the maps are."""
        if not self._wants(*(("peaks", "noisy_peaks", "strengths", "cover") if self.parts else ("peaks", "cover"))):
            return 0
        return self.images * (1 + (self.protocol.noise_draws if self.parts and self._wants("noisy_peaks") else 0))

    def _curves(self) -> float:
        return self._subset("fidelity_images", {"insertion", "deletion"}, curve_forwards(self.protocol))

    def _subset(self, field: str, needs: Collection[str], each: float) -> float:
        return min(self.images, getattr(self.protocol, field)) * each if self._wants(*needs) else 0


def curve_forwards(protocol: Protocol) -> float:
    """For insertion and deletion of one image."""
    return protocol.fidelity_forwards or 2.0 * protocol.fidelity_steps


def redrawn_forwards(parts: int) -> int:
    """For one picture that is drawn again: its explanation, itself, without each part, on other backgrounds."""
    return 2 + parts + len(BACKGROUNDS)


def needs_of(protocol: Protocol) -> set[str]:
    """What the protocol's metrics need."""
    return {card.needs for card in metrics.cards.values() if protocol.scores(card.name)}
