"""Protocol: everything besides the model that changes a score. No torch."""

import json
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..errors import UserError, unknown
from .catalogue import versions

View = Literal["full", "squashed", "box"]
Target = Literal["label", "predicted"]


class Protocol(BaseModel):
    """How scores are taken. Two scores compare only where their protocols have the same :attr:`id`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("partbench", description="what people call it; not part of the id")

    accuracy_view: View = Field("full", description="images that accuracy is measured on")
    part_view: View = Field("box", description="images that part maps are scored on")
    assignment_view: View = Field("full", description="images that NMI, ARI, keypoint regression and IoU are taken on")
    fidelity_view: View = Field("full", description="images that are perturbed, covered and drawn again")
    canvas: int = Field(224, ge=1, lt=2**15, description="side of the square that peaks and keypoints are scored on")
    level: str = Field("all", description="map sets scored: all, or the named one where a method has it, else its own")

    part_target: Target = Field("label", description="class whose part maps are scored")
    half_size: int = Field(36, ge=0, description="canvas pixels from a peak to its region's edge")
    threshold: float = Field(0.8, gt=0, le=1, description="share of a class's images that makes a hit part consistent")
    rule: Literal["pair", "global"] = Field("pair", description="terms of consistency: (class, concept), or concept")
    min_visible: int = Field(1, ge=1, description="images of a term that must show a part for it to count")
    near_constant: Literal["none", "score"] = Field("none", description="a flat map has no peak, or is searched too")
    gain_derangements: int = Field(10, ge=1, description="exchanges of peaks that consistency_gain averages over")
    gain_seed: int = Field(0, ge=0)
    purity_images: int = Field(10, ge=1, description="strongest images of a concept that purity looks at")
    purity_side: int = Field(32, ge=1, description="canvas pixels of the patch around the peak")
    cover_maps: int = Field(5, ge=1, description="strongest maps that comprehensiveness unites")
    cover_threshold: float = Field(0.6, gt=0, lt=1, description="share of a map's range from which it covers a pixel")

    noise_std: float = Field(0.2, gt=0, description="noise of the stability passes, on normalised images")
    noise_clip: float = Field(0.25, gt=0, description="largest noise per pixel and channel")
    noise_draws: int = Field(3, ge=1, description="noisy passes that stability averages over")
    noise_seed: int = Field(0, ge=0)

    assignment: Literal["keypoints", "pixels"] = Field("keypoints", description="what NMI and ARI count")
    assignment_normalised: bool = Field(True, description="images normalised as in training for assignment_view")

    saliency_target: Target = Field("predicted", description="class that saliency explains and scores are tracked of")
    fidelity_images: int = Field(200, ge=1, description="images that insertion and deletion are measured on")
    fidelity_seed: int = Field(0, ge=0, description="which images those are")
    fidelity_steps: int = Field(224, ge=1, description="equal steps from the first to the last pixel")
    fidelity_forwards: int | None = Field(
        40, ge=8, description="forward passes for both curves of an image, placed where they bend; null: every step")
    deletion_substrate: Literal["mean_colour", "zeros"] = Field(
        "mean_colour", description="what deletion ends with: ImageNet's mean colour, or zeros of the normalised image")
    insertion_substrate: Literal["blur_reflect", "blur_zero"] = Field(
        "blur_reflect", description="what insertion starts from: the blurred image, by how the border is padded")
    blur_sigma: float = Field(5.0, gt=0, description="pixels at 224, scaled with the image")
    blur_kernel: int = Field(11, ge=1, description="pixels at 224, scaled with the image; odd")
    occlusion_images: int = Field(100, ge=1, description="images whose annotated parts are covered one at a time")
    occlusion_radius: int = Field(14, ge=1, description="pixels at 224 of the disc over a keypoint, scaled")
    planted_images: int = Field(100, ge=1, description="images that are drawn again without parts")

    metric_versions: dict[str, int] = Field(
        default_factory=versions, description="the metrics it scores, with the versions of their code")

    @field_validator("blur_kernel")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("the kernel needs a middle: an odd number of pixels")
        return value

    @property
    def id(self) -> str:
        """First 12 hex digits of the SHA-256 of the canonical JSON of everything but the name."""
        content = json.dumps(self.model_dump(mode="json", exclude={"name"}), sort_keys=True, separators=(",", ":"))
        return sha256(content.encode()).hexdigest()[:12]

    def scores(self, metric: str) -> bool:
        """Whether a metric is scored. A third party's is, wherever all of partbench's own are."""
        known = versions()
        return metric in self.metric_versions or (metric not in known and known.keys() <= self.metric_versions.keys())

    def __hash__(self) -> int:
        return hash((self.name, self.id))


def _of(name: str, *metrics: str, **settings: Any) -> Protocol:
    """A protocol that scores the named metrics alone."""
    return Protocol(name=name, metric_versions={metric: versions()[metric] for metric in metrics}, **settings)


protocols: dict[str, Protocol] = {card.name: card for card in (
    Protocol(),
    # EvalProtoPNet's code: one noisy pass (unseeded there), and flat maps are searched.
    _of("huang2023", "consistency", "stability", noise_draws=1, near_constant="score"),
    # IVPT's code: the same on the third-from-last map set; part discovery on images that skip the normalisation.
    _of("ivpt", "accuracy", "consistency", "stability", "nmi", "ari", "keypoint_regression", level="public",
        noise_draws=1, near_constant="score", assignment_normalised=False),
    # RISE's single-image demonstration: 224 steps, zeros and a zero-padded blur.
    _of("rise", "insertion", "deletion", fidelity_forwards=None, deletion_substrate="zeros",
        insertion_substrate="blur_zero"),
    # Prompt-CAM squashes whole pictures; no code for its insertion and deletion is public, so steps are those of the
    # rerun that states them (50), the rest RISE's.
    _of("prompt_cam", "accuracy", "insertion", "deletion", accuracy_view="squashed", fidelity_view="squashed",
        fidelity_steps=50, fidelity_forwards=None, deletion_substrate="zeros", insertion_substrate="blur_zero"),
    # Learning rates are chosen by accuracy alone: one pass.
    _of("accuracy", "accuracy"),
)}


SUBSETS: dict[str, frozenset[str]] = {
    "fidelity_images": frozenset({"insertion", "deletion"}),
    "occlusion_images": frozenset({"occlusion"}),
    "planted_images": frozenset({"removal", "planted", "background"}),
}
"""Fields that say on how many images something is measured, and the needs (of metrics' cards) that they are about."""


def protocol(name: str, **changes: Any) -> Protocol:
    """The named protocol, with changes: ``protocol("partbench", threshold=0.9)``.

    Raises:
        UserError: no such protocol or setting (names the nearest one), or a value out of bounds.
    """
    if name not in protocols:
        raise unknown("protocol", name, protocols)
    for setting in changes:
        if setting not in Protocol.model_fields:
            raise unknown(f"setting of protocol {name}", setting, Protocol.model_fields)
    try:
        return Protocol(**{**protocols[name].model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (name, *first["loc"])))
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{where}={first['input']!r}: {message}; see: harness show {name}") from None
