"""Set-ups: where a line's training and test differ from what a published number was made with, as far as rows tell."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..datasets import registry as datasets
from ..metrics import registry as metrics
from ..metrics.protocol import Protocol, protocol, protocols
from .board import Board, Line
from .published import Published
from .text import printable

if TYPE_CHECKING:
    import pandas

_RUN = ["image_size", "weights", "fit_on", "epochs", "preset"]
_COUNTED = {"insertion": "fidelity_images", "deletion": "fidelity_images", "occlusion_agreement": "occlusion_images",
            "planted_evidence": "planted_images", "planted_saliency": "planted_images",
            "background_sensitivity": "planted_images"}  # metric -> the setting that its number of images is
_DEFAULT_TAGS = (".lvd142m", ".fb_in1k")  # of timm names: with and without them it is the same model


@dataclass(frozen=True)
class Setup:
    """What rows say of a run.

    Attributes:
        facts: the columns ``image_size, weights, fit_on, epochs, preset``.
        images: of accuracy, and of each metric that is taken on a part of the images, those that it was taken on.
    """

    facts: dict[str, Any]
    images: dict[str, int]

    @property
    def test_images(self) -> int | None:
        """Images of the split, which accuracy is taken on; None where no row says it."""
        return self.images.get("accuracy")


def setups(frame: "pandas.DataFrame") -> dict[tuple[str, str, str], Setup]:
    """The set-up of every (run, protocol id, split) of a leaderboard frame that has scores."""
    scored = frame[frame["status"] == "done"]
    keys = ["run_id", "protocol_id", "split"]
    told = scored["metric"].isin(["accuracy", *_COUNTED]) & scored["n"].notna()
    counted = scored.loc[told, [*keys, "metric", "n"]].drop_duplicates([*keys, "metric"])
    images: dict[tuple[str, str, str], dict[str, int]] = {}
    for run_id, protocol_id, split, metric, n in counted.itertuples(index=False, name=None):
        images.setdefault((run_id, protocol_id, split), {})[metric] = int(n)
    first = scored.drop_duplicates(keys)
    return {key: Setup(facts, images.get(key, {})) for key, facts in
            zip(first[keys].itertuples(index=False, name=None), first[_RUN].to_dict("records"), strict=True)}


def differences(entry: Published, board: Board, line: Line, setup: Setup) -> list[str]:
    """What is certainly another set-up than the published one, a few words each; none: it may be compared."""
    found = []
    variant = line.name.partition("@")[2]
    if variant != entry.variant:
        found.append(f"variant: {variant or 'plain'} (published: {entry.variant or 'plain'})")
    if entry.backbone and _model(board.backbone) != _model(entry.backbone):
        found.append(f"backbone: {board.backbone} (published: {entry.backbone})")
    if entry.image_size and setup.facts["image_size"] != entry.image_size:
        found.append(f"image size: {setup.facts['image_size']} pixels (published: {entry.image_size})")
    found += [_protocol(entry, board, setup), _images(board, line, entry, setup)]
    if entry.fit_on and setup.facts["fit_on"] != entry.fit_on:
        found.append(f"trained on: {setup.facts['fit_on']} (published: {entry.fit_on})")
    if setup.facts["weights"] == "random":
        found.append("weights: random")
    return [printable(one) for one in found if one]


def doubts(entry: Published, board: Board, line: Line, setup: Setup) -> list[str]:
    """What rows or the source leave open, or what differs in the recipe alone."""
    found = []
    if not entry.backbone:
        found.append("published backbone not stated")
    if not entry.image_size:
        found.append("published image size not stated")
    if not entry.fit_on:
        found.append("published training images not stated")
    weights = setup.facts["weights"]
    if weights not in ("", "random") and not weights.startswith("timm:"):
        found.append(f"weights from a file ({weights[:8]})")
    if setup.facts["preset"] != "paper":
        found.append(f"recipe: preset {setup.facts['preset'] or 'unknown'}, {setup.facts['epochs']} epochs")
    if setup.test_images is None and _classes(board, line, entry.metric) is None:
        found.append("test images and classes unknown")
    taken, of = setup.images.get(entry.metric), setup.test_images
    if entry.metric in _COUNTED and taken and of and taken < of:
        found.append(f"on {taken:,} of {of:,} test images")
    if _looks_only(entry) and _registered(board, setup) is None:
        found.append(f"protocol id {board.protocol_id}: settings changed, or older metrics")
    return [printable(one) for one in found]


def _model(backbone: str) -> str:
    """A timm name without the tag that is its default."""
    for tag in _DEFAULT_TAGS:
        backbone = backbone.removesuffix(tag)
    return backbone


def _protocol(entry: Published, board: Board, setup: Setup) -> str:
    if entry.protocol not in protocols:
        return f"protocol: {board.protocol or 'unknown'} (published: {entry.protocol})"
    ours = _registered(board, setup)
    if _looks_only(entry):
        view, theirs = (protocols[name].accuracy_view if name in protocols else "unknown"
                        for name in (board.protocol, entry.protocol))
        return "" if view == theirs else f"images: {view} (published: {theirs})"
    if ours is None and board.protocol == entry.protocol:
        return f"protocol: {board.protocol} with changed settings or older metrics (id {board.protocol_id})"
    if ours is None or ours.name != entry.protocol:
        return f"protocol: {board.protocol or 'unknown'} (published: {entry.protocol})"
    return ""


def _looks_only(entry: Published) -> bool:
    """Whether the view of the images is all that a protocol says of the metric: accuracy and its kin."""
    card = metrics.cards.get(entry.metric)
    return card is not None and card.needs == "logits"


def _registered(board: Board, setup: Setup) -> Protocol | None:
    """The registered protocol of the board; on how many images it measures may differ. None: its settings do."""
    if board.protocol not in protocols:
        return None
    counts = {_COUNTED[metric]: n for metric, n in setup.images.items() if metric in _COUNTED and n > 0}
    found = (protocols[board.protocol], protocol(board.protocol, **counts))
    return next((one for one in found if one.id == board.protocol_id), None)


def _images(board: Board, line: Line, entry: Published, setup: Setup) -> str:
    """Another split, or other test images than the official ones: by their number, and by that of their classes."""
    if board.split != "test":
        return f"split: {board.split}"
    card = datasets.cards.get(board.dataset)
    official = {} if card is None else card.counts
    for what, ours in (("classes", _classes(board, line, entry.metric)), ("test", setup.test_images)):
        if ours is not None and ours != official.get(what, ours):
            return f"{'test images' if what == 'test' else what}: {ours:,} (published: {official[what]:,})"
    return ""


def _classes(board: Board, line: Line, metric: str) -> int | None:
    """Classes that have something to score, from items/; None where that is not known."""
    sums = board.class_sums(line, metric)
    return None if sums is None else len(sums.labels)
