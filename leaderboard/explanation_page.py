"""The page about one image: what a run answers, its evidence, its parts, and the training patches they are like.

One HTML file with its pictures in it: it opens without network and can be moved or sent alone.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from . import page, pictures
from .concept_tree import Node, concept_tree
from .explained_image import ExplainedImage, Part, PartSet, Patch
from .fragments import STYLE, address, bar, figure, percent, scroll, swatch, table, word
from .text import number, printable

_TILE = 224  # pixels of a picture of a map
_CLOSE = 112  # pixels of a closeup


def explanation_page(found: ExplainedImage) -> str:
    """The whole page. The same explanation gives the same bytes."""
    sections = [("prediction", "Prediction", _prediction(found)), ("evidence", "Evidence", _evidence(found)),
                ("parts", "Parts", _parts(found)), ("nearest", "This looks like that", _nearest(found))]
    if found.hierarchy:
        sections.append(("hierarchy", "Concept hierarchy", _hierarchy(found)))
    sections.append(("run", "The run", _run(found)))
    lead = (f"What {printable(found.title)} says of one image, and why. Every picture is in this file, as the model "
            "sees it.")
    return page.page(sections, f"{printable(found.method)} on {printable(found.name, 80)}", lead, STYLE, False)


def _prediction(found: ExplainedImage) -> str:
    notes = page.listing(found.notes) if found.notes else ""
    rows = [(name, [bar(probability)]) for name, probability in found.top]
    likeliest = table(f"The {len(rows)} likeliest classes.", "class", ["probability"], rows)
    predicted = found.top[0][0]
    truth = "" if found.truth is None else (
        '<p class="right">✓ This is its class.</p>' if found.truth == predicted else
        f'<p class="wrong">✗ Its class is {escape(printable(found.truth))}.</p>')
    shown = figure(pictures.photograph(pictures.scaled(found.picture, 2 * _TILE)), f"the image: {found.name}",
                   escape(printable(found.name)))
    return f'{notes}{truth}<div class="side">{shown}{likeliest}</div>'


def _evidence(found: ExplainedImage) -> str:
    image = pictures.scaled(found.picture, _TILE)
    tiles = "".join(figure(pictures.heat(image, one.saliency), f"evidence for {one.class_name}",
                           f'<b>{word(one.class_name)}</b><br><span class="quiet">{escape(one.role)}, '
                           f"{percent(one.probability)}</span>") for one in found.evidence)
    own = (" Each class looks for parts of its own: those that it finds on this image, whatever the image shows, "
           "follow below.") if found.own_class else ""
    return ("<p>Where the evidence for a class lies: from dark (least) to yellow (most). Each picture has a scale of "
            f'its own, so colours say where, and probabilities how much.{own}</p><div class="tiles">{tiles}</div>')


def _parts(found: ExplainedImage) -> str:
    intro = f"<p>Maps: {escape(printable(found.maps, 600))}.</p>" if found.maps else ""
    return intro + "".join(_level(found, level) for level in found.levels) + _scores(found)


def _level(found: ExplainedImage, level: PartSet) -> str:
    image, palette = pictures.scaled(found.picture, _TILE), pictures.colours(len(level.parts))
    what = "the strongest at each place" if level.background is not None else "their peaks"
    tiles = figure(_overview(image, level, palette), f"{_heading(level)}: all parts",
                   f'<b>all parts</b><br><span class="quiet">{what}</span>')
    for part in level.parts:
        tiles += figure(_part_picture(image, level, part, palette), f"{_heading(level)}: part {part.name}",
                        _part_caption(part, palette))
    if level.background is not None:
        drawn = pictures.spotlight(image, level.background, 0, 1)
        tiles += figure(drawn, f"{_heading(level)}: background", "<b>background</b>")
    scale = ("Bright where the part is: its share of each place, from 0 to 1." if level.background is not None else
             "Bright where the map is strong, on a scale of its own for each map.")
    return (f'<h3>{word(_heading(level))}</h3><p class="quiet">In the order of {escape(level.ordered)}. {scale}</p>'
            f'<div class="tiles">{tiles}</div>')


def _overview(image: np.ndarray, level: PartSet, palette: Sequence[pictures.Colour]) -> bytes:
    names, colours = [part.name for part in level.parts], [palette[part.position] for part in level.parts]
    maps = np.stack([part.map for part in level.parts])
    if level.background is None:
        return pictures.peaks(image, maps, names, colours)
    return pictures.assignment(image, maps, level.background, names, colours)


def _part_picture(image: np.ndarray, level: PartSet, part: Part, palette: Sequence[pictures.Colour]) -> bytes:
    low, high = (0, 1) if level.background is not None else (part.map.min(), part.map.max())
    return pictures.spotlight(image, part.map, low, high, palette[part.position])


def _part_caption(part: Part, palette: Sequence[pictures.Colour]) -> str:
    adds = "" if part.score is None else f"adds {part.score:+.2f}, "
    return (f"{swatch(palette[part.position])}<b>part {word(part.name)}</b><br>"
            f'<span class="quiet">{adds}peak {number(float(part.map.max()), "")}</span>')


def _scores(found: ExplainedImage) -> str:
    """What shared parts add to the logits of the classes shown."""
    known = [one for one in found.evidence if one.scores is not None]
    if not known:
        return ""
    rows = [(f"part {part.name}", [f"{one.scores[part.position]:+.2f}" for one in known])
            for part in found.levels[0].parts]
    rows.append(("together", [f"{sum(one.scores):+.2f}" for one in known]))
    return "<h3>What each part adds to a class's logit</h3>" + table(
        "Up to a constant per image: compare the columns of one line, and lines within a column.", "part",
        [one.class_name for one in known], rows)


def _nearest(found: ExplainedImage) -> str:
    if found.without_nearest:
        return f"<p>No nearest patches: {escape(printable(found.without_nearest, 400))}</p>"
    where = ("the training images of the part's own class" if found.own_class else
             "all training images, whatever their class")
    intro = (f"<p>For each part: where it peaks on this image, then {where}, searched without augmentation for the "
             "images on which its map peaks highest. Left the surroundings of the peak, right where it is. Equally "
             "strong images come in a fixed order of chance.</p>")
    keep = "" if found.redistributable else (
        "<p>These training photographs may not be redistributed: keep this page to yourself.</p>")
    return intro + keep + "".join(_looks_like(found, level) for level in found.levels)


def _looks_like(found: ExplainedImage, level: PartSet) -> str:
    palette = pictures.colours(len(level.parts))
    rows = "".join(_row(found, part, palette) for part in level.parts if part.nearest)
    return f"<h3>{word(_heading(level))}</h3>{rows}" if rows else ""


def _row(found: ExplainedImage, part: Part, palette: Sequence[pictures.Colour]) -> str:
    own = figure(pictures.closeup(found.picture, part.peak, part.map.shape, _CLOSE), f"part {part.name} here",
                 f'<b>this image</b><br><span class="quiet">peak {number(float(part.map.max()), "")}</span>', "own")
    like = "".join(_patch(patch, part) for patch in part.nearest)
    return (f'<div class="row"><h4>{swatch(palette[part.position])}part {word(part.name)}</h4>'
            f"<div>{own}{like}</div></div>")


def _patch(patch: Patch, part: Part) -> str:
    strength = "" if patch.strength is None else f"peak {number(patch.strength, '')}, "
    pushed = "<br><b>the part was made of this patch</b>" if patch.pushed else ""
    drawn = pictures.closeup(patch.picture, (patch.row, patch.col), patch.grid, _CLOSE)
    return figure(drawn, f"part {part.name} on training image {patch.image_id}, {patch.class_name}",
                  f'{word(patch.class_name)}<br><span class="quiet">{strength}image {word(patch.image_id)}</span>'
                  f"{pushed}")


def _hierarchy(found: ExplainedImage) -> str:
    final, palette = found.levels[0].by_position(), pictures.colours(len(found.levels[0].parts))
    ends = [Node(_thumbnail(found, part, palette), f"final {part.name}") for part in final]
    drawn = ""
    for level in found.hierarchy:
        parts, own = level.by_position(), pictures.colours(len(level.parts))
        nodes = [Node(_thumbnail(found, part, own), part.name, float(part.map.max().clip(0, 1))) for part in parts]
        drawn += f"<h3>{word(level.title)} → final</h3>" + scroll(
            concept_tree(nodes, ends, [part.shares for part in parts], palette), f"{level.title} and final parts")
        drawn += _shares(level, final)
    return ("<p>Above, the finer parts of an earlier block; below, the final parts that they are gathered into. A line "
            "is as thick as the share of the finer part that the final part takes on this image, and faint where the "
            "finer part is hardly on the image; shares below 5 % are not drawn. "
            f'What the final parts add to each class: see <a href="#parts">Parts</a>.</p>{drawn}')


def _thumbnail(found: ExplainedImage, part: Part, palette: Sequence[pictures.Colour]) -> str:
    image = pictures.scaled(found.picture, _TILE // 2)
    return address(pictures.spotlight(image, part.map, 0, 1, palette[part.position]))


def _shares(level: PartSet, final: Sequence[Part]) -> str:
    rows = [(f"part {part.name}", [percent(share) for share in part.shares]) for part in level.by_position()]
    numbers = table(f"Shares of {level.title} in the final parts.", "part", [f"part {part.name}" for part in final],
                    rows)
    return f"<details><summary>the numbers</summary>{numbers}</details>"


def _run(found: ExplainedImage) -> str:
    facts = {"method": f"{found.title} ({found.method})", **found.facts}
    about, settings = (table(caption, kind, ["value"], [(name, [word(value)]) for name, value in known.items()], True)
                       for caption, kind, known in (("What was explained, and by what.", "fact", facts),
                                                    ("Settings of the method.", "setting", found.settings)))
    cited = f"<h3>Citation</h3><pre>{escape(found.paper)}</pre>" if found.paper else ""
    return about + (settings if found.settings else "") + cited


def _heading(level: PartSet) -> str:
    if not level.of_class:
        return f"level {level.title}"
    return level.of_class if level.title == "final" else f"{level.of_class}, level {level.title}"
