"""Pictures of explanations: part maps and saliency drawn over the photograph, with numpy and Pillow alone."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
# Okabe and Ito's palette without black: told apart with every common colour vision.
OKABE_ITO: tuple[str, ...] = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
# Inferno, at six steps.
_HEAT = np.array([[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]])
_MOST_REGIONS = 8  # more outlines than these hide the photograph


def colours(count: int) -> list[Colour]:
    """``count`` colours; past Okabe and Ito's seven they repeat lighter and darker: parts carry numbers too."""
    base = [tuple(int(code[i:i + 2], 16) for i in (1, 3, 5)) for code in OKABE_ITO]
    found = []
    for i in range(count):
        turn = i // len(base) % 3
        toward = (None, 255, 0)[turn]
        colour = base[i % len(base)]
        found.append(colour if toward is None else tuple(round(0.55 * c + 0.45 * toward) for c in colour))
    return found


def photograph(image: np.ndarray) -> bytes:
    """JPEG of a photograph, uint8 [3, S, S]."""
    return _jpeg(Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))))


def assignment(image: np.ndarray, maps: np.ndarray, background: np.ndarray, names: Sequence[str],
               palette: Sequence[Colour]) -> bytes:
    """Each pixel in the colour of its strongest part; background left as it is.

    Args:
        image: uint8 [3, S, S].
        maps: float [K, h, w], finite.
        background: float [h, w].
        names: what is written on a part, K of them.
        palette: K colours.
    """
    side = image.shape[-1]
    winner = np.stack([_enlarge(m, side) for m in (*maps, background)]).argmax(0)
    canvas = image.transpose(1, 2, 0).astype(np.float32)
    shown = [k for k in range(len(maps)) if (winner == k).any()]
    for k in shown:
        canvas[winner == k] = 0.45 * canvas[winner == k] + 0.55 * np.array(palette[k], np.float32)
    canvas[_edges(winner)] = 255
    picture = Image.fromarray(canvas.round().astype(np.uint8))
    for k in shown:
        _label(picture, _inside(_enlarge(maps[k], side), winner == k), names[k], palette[k])
    return _jpeg(picture)


def peaks(image: np.ndarray, maps: np.ndarray, names: Sequence[str], palette: Sequence[Colour]) -> bytes:
    """Each map by a numbered disc on its peak, and an outline where it exceeds 60 % of its range.

    Arguments as :func:`assignment`. A map that is constant has no peak and is not drawn.
    """
    side = image.shape[-1]
    canvas = image.transpose(1, 2, 0).astype(np.float32) * 0.85
    surfaces = {k: _enlarge(m, side) for k, m in enumerate(maps) if np.ptp(m) > 1e-6 * max(1, abs(m.max()))}
    for k, surface in list(surfaces.items())[:_MOST_REGIONS]:
        region = surface >= surface.min() + 0.6 * np.ptp(surface)
        colour = np.array(palette[k], np.float32)
        canvas[region] = 0.75 * canvas[region] + 0.25 * colour
        canvas[_edges(region)] = colour
    picture = Image.fromarray(canvas.round().astype(np.uint8))
    for k, surface in surfaces.items():
        _label(picture, _highest(surface), names[k], palette[k])
    return _jpeg(picture)


def heat(image: np.ndarray, saliency: np.ndarray) -> bytes:
    """Saliency, float [h, w], as heat over the grey photograph: dark is least, bright yellow most on this image."""
    surface = _enlarge(saliency, image.shape[-1])
    low, high = np.percentile(surface, [1, 99])
    level = np.clip((surface - low) / max(high - low, 1e-12), 0, 1)
    at = level * (len(_HEAT) - 1)
    below = np.minimum(at.astype(int), len(_HEAT) - 2)
    colour = _HEAT[below] + (at - below)[..., None] * (_HEAT[below + 1] - _HEAT[below])
    grey = image.astype(np.float32).mean(0)[..., None]
    cover = (0.25 + 0.45 * level)[..., None]  # little evidence leaves the photograph readable
    return _jpeg(Image.fromarray(((1 - cover) * grey + cover * colour).clip(0, 255).round().astype(np.uint8)))


def spotlight(image: np.ndarray, surface: np.ndarray, low: float, high: float, ring: Colour | None = None) -> bytes:
    """The photograph where a map is strong, dark where it is not.

    Args:
        image: uint8 [3, S, S].
        surface: float [h, w].
        low, high: values shown as darkness and as the photograph itself.
        ring: colour of a ring about the peak; None: no ring.
    """
    larger = _enlarge(surface, image.shape[-1])
    level = np.clip((larger - low) / max(high - low, 1e-12), 0, 1)[..., None]
    canvas = image.transpose(1, 2, 0) * (0.18 + 0.82 * level)
    picture = Image.fromarray(canvas.round().astype(np.uint8))
    if ring is not None:
        (x, y), radius = _highest(larger), round(0.08 * picture.width)
        ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), outline=ring,
                                        width=max(2, picture.width // 75))
    return _jpeg(picture)


def scaled(image: np.ndarray, side: int) -> np.ndarray:
    """A photograph, uint8 [3, S, S], at ``side`` pixels."""
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def closeup(image: np.ndarray, cell: tuple[int, int], grid: tuple[int, int], side: int) -> bytes:
    """What surrounds one cell (row, column) of a grid (h, w), and the whole photograph with that window framed.

    Side by side, ``side`` pixels each. The window is three cells wide, at least a quarter of the photograph.
    """
    size = image.shape[-1]
    window = min(size, max(round(3 * size / grid[1]), size // 4, 1))
    left, top = (min(max(round((at + 0.5) / cells * size - window / 2), 0), size - window)
                 for at, cells in zip(cell[::-1], grid[::-1], strict=True))
    whole = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    near = whole.crop((left, top, left + window, top + window)).resize((side, side), Image.Resampling.BICUBIC)
    far = whole.resize((side, side), Image.Resampling.LANCZOS)
    scale = side / size
    frame = [round(scale * v) for v in (left, top, left + window, top + window)]
    draw = ImageDraw.Draw(far)
    draw.rectangle((frame[0], frame[1], frame[2] - 1, frame[3] - 1), outline="black", width=3)
    draw.rectangle((frame[0], frame[1], frame[2] - 1, frame[3] - 1), outline="white", width=1)
    both = Image.new("RGB", (2 * side, side))
    both.paste(near, (0, 0))
    both.paste(far, (side, 0))
    return _jpeg(both)


def _enlarge(surface: np.ndarray, side: int) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(surface, dtype=np.float32))
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))


def _edges(areas: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour belongs to another area."""
    edge = np.zeros(areas.shape, dtype=bool)
    edge[:, :-1] |= areas[:, 1:] != areas[:, :-1]
    edge[:-1] |= areas[1:] != areas[:-1]
    return edge


def _highest(surface: np.ndarray) -> tuple[int, int]:
    y, x = np.unravel_index(surface.argmax(), surface.shape)
    return int(x), int(y)


def _inside(surface: np.ndarray, region: np.ndarray) -> tuple[int, int]:
    return _highest(np.where(region, surface, -np.inf))


def _label(picture: Image.Image, at: tuple[int, int], name: str, colour: Colour) -> None:
    """A disc in the part's colour with its name, kept within the picture."""
    radius = max(7, round(picture.width * 0.045))
    x, y = (min(max(v, radius), picture.width - 1 - radius) for v in at)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline="white", width=1)
    ink = "black" if sum(c * w for c, w in zip(colour, (0.30, 0.59, 0.11), strict=True)) > 120 else "white"
    size = radius * (1.3 if len(name) < 2 else 1.1 if len(name) < 3 else 0.8)
    draw.text((x, y), name, fill=ink, anchor="mm", font=_font(size))


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
