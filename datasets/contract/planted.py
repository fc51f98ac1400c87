"""Interventions on planted truth: the same picture with one thing changed, and nothing else."""

from torch.nn.functional import max_pool2d

from ..base import PartDataset, Sample
from .look import Look, same, want

_MARGIN = 2  # pixels about a part's mask: soft edges
_SLIVERS = 0.002  # of the pixels: slivers too thin for a mask still tint the pixels they cross


def change_one_thing(look: Look) -> None:
    """Nothing changed gives the very picture; a removed part changes pixels about its mask, and none elsewhere."""
    data = look.dataset
    want(isinstance(data.planted, bool), f"planted is {data.planted!r}, neither True nor False")
    if not data.planted:
        return
    changed = False
    for (split, i), sample in look.samples.items():
        want(sample.part_masks is not None, f"{split}[{i}] has no part masks, so nobody can see what was removed")
        want(same(data.intervene(i, split=split), sample), f"{split}[{i}] drawn again without a change is another")
        want(same(data.intervene(i, split=split, background=0), sample),
             f"{split}[{i}] drawn again on its own background is another")
        for part in range(len(data.parts)):
            changed |= _removes(data, split, i, part, sample)
    want(changed, "no part that was removed changed a pixel")


def _removes(data: PartDataset, split: str, i: int, part: int, sample: Sample) -> bool:
    """Whether removing the part changed a pixel; an error where it changed one it must not."""
    name = data.parts[part]
    drawn = data.intervene(i, split=split, remove=(name,))
    where = f"{split}[{i}] without '{name}'"
    want((drawn.id, drawn.label) == (sample.id, sample.label), f"{where} has another id or label")
    want(drawn.keypoints.equal(sample.keypoints), f"{where} has other keypoints")
    want(drawn.image.shape == sample.image.shape, f"{where} has another size")
    near = max_pool2d(sample.part_masks[part][None].float(), 2 * _MARGIN + 1, 1, _MARGIN)[0].bool()
    differs = (drawn.image != sample.image).any(0)
    beyond = int((differs & ~near).sum())
    want(beyond <= _SLIVERS * differs.numel(), f"{where} differs in {beyond} pixels away from that part")
    return bool(differs.any())
