"""The card of the backbone that comes with partbench, from what was measured."""

from typing import Any

_TEXT = """# {name}

A vision transformer for drawn birds: 6 blocks, 192 channels, 3 heads, patches of 8 pixels, 96 pixels a side
(12 x 12 patches), {parameters:,} parameters in half precision. Normalisation: mean 0.5, std 0.5. Licence: that of
partbench. It is the default backbone of `synthetic_birds`, for trying methods and metrics where the truth is known;
it has never seen a photograph and is of no use on any.

Trained by `experiments/bird_backbone/train.py`, seed {seed}: {pictures:,} drawn pictures of {classes:,} classes,
{steps:,} steps of {batch} random windows, one core for each objective.

| objective | keypoint error | probe, class token | probe, mean patch | CPU minutes |
|---|---|---|---|---|
{rows}

- Kept: **{kept}**, which has the lower keypoint error.
- Keypoint error: mean distance of visible keypoints, as a fraction of the box's longer side, read from frozen patch
  tokens by one linear heat map for each part, fitted and tested on classes that no training saw.
- Probe: accuracy of logistic regression on the validation split of `synthetic_birds` (20 classes, default settings),
  fitted on its training split; the test split was not looked at.
- `masked` saw pictures alone and had to paint hidden patches. `attributes` was shown, for classes of its own, which
  part each patch belongs to and the traits of every part, and had to tell them; its class token told all traits.
- What it was shown: combinations of traits from the generator's training stock. What it was not shown: any combination,
  class or picture of an evaluation set, whatever its seed (evaluation sets draw from the other half of all
  combinations), nor any class label.
- What follows: a backbone that was taught parts makes finding parts easier than on photographs. Scores on
  `synthetic_birds` compare methods with each other, not with scores on other data.
"""


def card(name: str, parameters: int, kept: str, candidates: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    rows = "\n".join(
        f"| {objective} | {found['keypoint_error']:.3f} | {found['probe_class_token']:.3f} | "
        f"{found['probe_mean_patch']:.3f} | {found['cpu_minutes']:.0f} |" for objective, found in candidates.items())
    told = {key: candidates[kept][key] for key in ("seed", "pictures", "classes", "steps", "batch")}
    return _TEXT.format(name=name, parameters=parameters, kept=kept, rows=rows, **told)
