"""Clauses about training: what moves, what comes back from a file, what is learnt."""

from dataclasses import replace
from math import isfinite

import torch
from safetensors.torch import load

from ..optimising import Optimisers, forward_loss
from .evidence import compare, examine
from .toy import corner_pictures, share_in_the_corner
from .training import Course, state_of, train
from .trial import Trial, agree, logits_of, noise, want

_UNSEEN = 64  # pictures
_ENOUGH = 0.9  # of the pictures
_DEAD = 1e-7  # a gradient below this fraction of the largest is rounding
_LEAST = 0.01  # of the loss, by which it falls
_HELP = "more passes (toy_epochs) or larger rates (toy) may help"
_COARSE = 0.1  # of the spread of the logits, what bf16 may cost


def shared_out(trial: Trial) -> None:
    """Stages have names of their own and rates that are numbers, share any epochs out exactly, and train with one."""
    method = trial.build(trial.backbone)
    for epochs in (*range(1, 13), 25):
        stages = method.stages(epochs)
        Optimisers(method, stages)
        counts = {stage.name: stage.epochs for stage in stages}
        exact = sum(counts.values()) == epochs and min(counts.values()) >= 0
        want(exact, f"{epochs} epochs are shared out as {counts}")
        for stage in stages:
            factors = [stage.schedule(epoch / 4) for epoch in range(4 * stage.epochs)]
            bad = [factor for factor in factors if not isfinite(factor) or factor < 0]
            want(not bad, f"{stage.name} has the rate factor {bad[:1]}")
    for _ in train(method, Course(noise(8, trial.backbone.image_size, seed=6), 4, epochs=1)):
        pass
    broken = [name for name, value in method.state_dict().items() if value.isnan().any()]
    want(not broken, f"{broken[:1]} holds NaN after a training of one epoch")


def intended(trial: Trial) -> None:
    """The shared backbone stays as it is and outside the state; whatever else can train does."""
    seen = trial.rehearsal
    method, backbone = seen.method, trial.backbone
    for name, value in backbone.state_dict().items():
        want(value.equal(seen.before[name]), f"training changed the shared backbone's {name}")
    touched = [name for name, p in backbone.named_parameters() if p.requires_grad or p.grad is not None]
    want(not touched and not backbone.training, f"the shared backbone is no longer frozen {touched[:1]}")
    frozen = {value.data_ptr() for value in backbone.state_dict().values() if value.numel()}
    held = [name for name, value in method.state_dict().items() if value.data_ptr() in frozen and value.numel()]
    want(not held, f"the state holds the shared backbone's {held[:1]}")
    names = {name for name, parameter in method.named_parameters() if parameter.requires_grad and parameter.numel()}
    unknown = set(method.inert) - {name for name, _ in method.named_parameters()}
    want(not unknown, f"inert names {sorted(unknown)}, which are no parameters")
    least = _DEAD * max(seen.reached.values(), default=0.0)
    idle = sorted(name for name in names - set(method.inert) if seen.reached.get(name, 0.0) <= least)
    want(not idle, f"no stage gives {idle[:3]} a gradient; move them, freeze them, or name them in inert")


def resumed(trial: Trial) -> None:
    """From the end of any epoch a new method, filled from what was saved, goes on to the same bits."""
    seen, pictures = trial.rehearsal, trial.pictures
    with torch.no_grad():
        expected = seen.method.explain(pictures, pictures.labels)
    for moment, logits in zip(seen.saved, seen.logits, strict=True):
        where = f"saved in stage {moment.stage}, after epoch {moment.epoch},"
        method = trial.build(trial.backbone, seed=9)
        method.load_state_dict(load(moment.method))
        agree(logits_of(method, pictures), logits, f"logits {where} and loaded", 0.0)
        method = trial.build(trial.backbone, seed=8)
        for _ in train(method, replace(seen.course, watch=lambda moved: None), since=moment):
            pass
        want(state_of(method) == state_of(seen.method), f"a training {where} and continued ends with another state")
    with torch.no_grad():
        compare(method.eval().explain(pictures, pictures.labels), expected, "of the continued training", 0.0)


def falls(trial: Trial) -> None:
    """The loss of 64 pictures is lower after training on them by the preset ``quick``."""
    before, after = trial.lesson.losses
    want(isfinite(after) and after < before - _LEAST * abs(before), f"the loss goes from {before:.4g} to {after:.4g}")


def pointed(trial: Trial) -> None:
    """Where a corner alone tells two classes apart, the largest saliency of new pictures is in that corner."""
    method, pictures = trial.toy_lesson.method, corner_pictures(_UNSEEN, seed=1)
    with torch.no_grad():
        found = method.explain(pictures, pictures.labels)
    right = found.logits.argmax(1).eq(pictures.labels).float().mean().item()
    want(right >= _ENOUGH, f"{right:.0%} of new pictures are told apart, at least {_ENOUGH:.0%} should be; {_HELP}")
    share = share_in_the_corner(found.saliency)
    want(share >= _ENOUGH, f"on {share:.0%} of new pictures, at least {_ENOUGH:.0%} should be; {_HELP}")


def rounded(trial: Trial) -> None:
    """Under bf16 autocast loss, gradients and explanations are finite, and logits near those of fp32."""
    method, pictures = trial.toy_lesson.method, corner_pictures(_UNSEEN, seed=1)
    exact = logits_of(method, pictures)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = logits_of(method, pictures)
        examine(method, pictures, rounding=_COARSE)
    apart = ((coarse.float() - exact).square().mean().sqrt() / exact.std()).item()
    want(apart <= _COARSE, f"logits of bf16 and fp32 differ by {apart:.2f} of their spread, more than {_COARSE}")
    fresh = trial.build(trial.backbone).train()
    loss = torch.stack(list(forward_loss(fresh, trial.pictures, "bf16").values())).sum()
    want(loss.isfinite(), f"the loss under bf16 is {loss.item()}")
    loss.backward()
    bad = [name for name, p in fresh.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
    want(not bad, f"the gradient of {bad[:1]} under bf16 is not finite")
