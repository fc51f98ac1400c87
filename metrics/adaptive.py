"""Where to look at a curve next: few points, most of them where it moves.

What a gap between two known points can hide is its width times the spread of the curve in it. Spread shows in the rise
from one end to the other, in how far the ends stand off the line through their own neighbours, and in the value itself:
near 0 and 1 a probability has little room, half-way it may go anywhere if the gap is wide. (Squared errors of straight
lines on curves of real models follow this sum.) Looks are handed out as seats in a parliament are, by D'Hondt: each
goes to the gap with most to hide per part it is already cut into. Between known points the curve is taken as straight.

Looking harder where a value stood out biases the area of a curve that jumps: peaks that are found shrink, peaks that
are missed do not grow. A gap's spread is therefore averaged with its two neighbours', which lessens the bias and does
not end it: the area of a flat curve with isolated peaks comes out low. Where that matters, look at every step.
"""

from heapq import heapify, heapreplace

import torch
from torch import Tensor

_PILOT = 8  # equal gaps to begin with
_ROUNDS = 4
_VALUE = 3.5  # squared spread of a gap as wide as the curve, in parts of p (1 - p)
_LEAST = 2.5e-5  # squared spread of a gap that shows nothing
_GRAIN = 1024  # values are told apart by this part of 1, so that rounding in the model moves no point


def first_points(steps: int, inner: int) -> Tensor:
    """Equally spaced points to begin with: bool [S + 1], the ends among them.

    Args:
        steps: S.
        inner: looks between the ends that a pair of curves has; at most half of them are spent here.
    """
    gaps = 1 + min(_PILOT - 1, inner // 4, steps - 1)
    points = torch.zeros(steps + 1, dtype=torch.bool)
    points[[round(i * steps / gaps) for i in range(gaps + 1)]] = True
    return points


def looks_per_round(looks: int) -> list[int]:
    """The looks that are left, spread over the rounds; each round knows what the ones before it found."""
    shares = [looks * (i + 1) // _ROUNDS - looks * i // _ROUNDS for i in range(_ROUNDS)]
    return [share for share in shares if share]


def next_points(values: Tensor, known: Tensor, looks: int) -> Tensor:
    """Points to look at in a round.

    Args:
        values: [K, S + 1], curves that share the looks; read at known points alone.
        known: bool [K, S + 1], each curve's ends among them.
        looks: how many points.

    Returns:
        bool [K, S + 1], ``looks`` points that were not known, or all of them where there are fewer.
    """
    gaps = [(curve, low, width, hidden) for curve in range(len(known))
            for low, width, hidden in _gaps(values[curve], known[curve])]
    parts = _parts([(width, hidden) for _, _, width, hidden in gaps], looks)
    points = torch.zeros_like(known)
    for (curve, low, width, _), count in zip(gaps, parts, strict=True):
        for i in range(1, count):
            points[curve, low + round(i * width / count)] = True
    return points


def filled(values: Tensor, known: Tensor) -> Tensor:
    """Curves [..., S + 1] with straight lines between their known points, the ends among them."""
    place = torch.arange(known.shape[-1], device=known.device).expand_as(known)
    low = place.where(known, 0).cummax(-1).values
    high = place.where(known, place[..., -1:]).flip(-1).cummin(-1).values.flip(-1)
    share = (place - low) / (high - low).clamp(min=1)
    line = torch.lerp(values.double().gather(-1, low), values.double().gather(-1, high), share.double())
    return values.where(known, line.to(values.dtype))


def _gaps(values: Tensor, known: Tensor) -> list[tuple[int, int, float]]:
    """Lower end, width, and what may be hidden, of each gap of a curve [S + 1]."""
    nodes = known.nonzero()[:, 0]
    seen = (values[nodes].double() * _GRAIN).round() / _GRAIN
    width, middle = nodes.diff(), (seen[1:] + seen[:-1]) / 2
    off = _off_line(nodes, seen)
    spread = (seen.diff() ** 2 + torch.maximum(off[1:], off[:-1]) ** 2
              + _VALUE * width / (len(values) - 1) * (middle * (1 - middle)).clamp(min=0))
    around = torch.cat([spread[:1], spread, spread[-1:]]).unfold(0, 3, 1).mean(1) + _LEAST
    return list(zip(nodes[:-1].tolist(), width.tolist(), (width * around.sqrt()).tolist(), strict=True))


def _off_line(nodes: Tensor, seen: Tensor) -> Tensor:
    """How far each point stands off the line through its neighbours; the ends have but one and stand off nothing."""
    off = torch.zeros_like(seen)
    share = (nodes[1:-1] - nodes[:-2]) / (nodes[2:] - nodes[:-2])
    off[1:-1] = (seen[1:-1] - torch.lerp(seen[:-2], seen[2:], share.double())).abs()
    return off


def _parts(gaps: list[tuple[int, float]], looks: int) -> list[int]:
    """Into how many parts each gap (width, hidden) is cut, ``looks`` cuts in all while there is room."""
    parts = [1] * len(gaps)
    waiting = [(-hidden if width > 1 else 0.0, place) for place, (width, hidden) in enumerate(gaps)]
    heapify(waiting)
    for _ in range(looks):
        most, place = waiting[0]
        if most == 0:
            break
        parts[place] += 1
        width, hidden = gaps[place]
        heapreplace(waiting, (-hidden / parts[place] if width > parts[place] else 0.0, place))
    return parts
