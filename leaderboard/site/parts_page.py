"""Parts: which annotated parts the concepts of each method mark, and on which classes it fails.

Matrices are tables whose cells are shaded: a number is read, not guessed from a colour. The same matrices as Plotly
figures, for notebooks: :mod:`partbench.leaderboard.evidence_figures`.
"""

from collections.abc import Iterable
from html import escape
from math import isfinite

from ..board import Board
from ..fragments import word
from ..named import names
from ..parts import PartsBoard, PartView, collect
from ..text import line_name, number, printable
from .frame import Page, Section
from .heat import heat
from .leaderboard_page import anchor, facets
from .material import Material

_LEAD = ("Which annotated parts the concepts (prototypes, prompts, heads) of each method mark, and on which classes "
         "they fail to.")
_EACH = 5  # classes at either end
_MOST_CLASSES = 600
_HELD = ("How often the best concept of a class holds the part: its region has the part's keypoint on so many of the "
         "class's images that show it, in per cent, the mean over classes. Below, what of that is gained over peaks of "
         "another image of the class: about 0 means that the concept marks a place, not the part. Of each method the "
         "run of the lowest seed.")
_CONSISTENT = ("Share of the classes, in per cent, of which some concept is consistent on the part: holds it on at "
               "least the protocol's threshold of the images that show it.")
_CLASSES = ("Consistency gain by class, in points, the mean over seeds: the sums that the leaderboard's tests use. "
            "The {each} classes with the lowest and the {each} with the highest mean over the methods here, out of "
            "{count}; equals in the order of how often their parts are held.")


def page(material: Material) -> Page | None:
    """None where no run left evidence of parts."""
    sections = [Section(f"{anchor(board)}-{place}" if place else anchor(board), printable(board.title),
                        _section(found, f"{anchor(board)}-{place}"), facets(board))
                for board in material.boards
                for place, found in enumerate(gathered(board, material))]
    return Page("parts", "Parts", "Parts", _LEAD, sections) if sections else None


def gathered(board: Board, material: Material) -> list[PartsBoard]:
    """What the page shows of a board."""
    return collect(board, material.evidence,
                   lambda lines: names(material.results, lines, board.dataset, material.audits),
                   material.lines_each)


def _section(found: PartsBoard, address: str) -> str:
    left = ""
    if found.left_out:
        left = (f"<p>Not shown: {len(found.left_out)} more methods, later in the order of accuracy "
                f"({escape(', '.join(line_name(line, 40) for line in found.left_out[:8]))}"
                f"{', …' if len(found.left_out) > 8 else ''}).</p>")
    unnamed = "" if found.names.parts else (
        f"<p>Parts are numbered as the data set lists them; <code>harness audit --dataset "
        f"{escape(printable(found.board.dataset, 60))}</code> brings their names here.</p>")
    methods = "".join(_method(found, view, f"{address}-{place}") for place, view in enumerate(found.views))
    return (left + unnamed + _overview(found) + _classes(found)
            + f"<h3>Method by method</h3>{methods}")


def _overview(found: PartsBoard) -> str:
    held, consistent = ([[(line_name(view.line), cells(view)) for view in views]
                         for views in (found.views, found.floor)] for cells in (_held, _consistent))
    said = _HELD + (" Last lines: blind guesses." if found.floor else "")
    return (heat(said, "method", found.parts, *held)
            + _folded("Share of classes that are consistent on each part",
                      heat(_CONSISTENT, "method", found.parts, *consistent)))


def _held(view: PartView) -> list[tuple[float, str]]:
    gains = [None] * len(view.held) if view.held_gain is None else view.held_gain
    return [_cell(value, gain) for value, gain in zip(view.held, gains, strict=True)]


def _consistent(view: PartView) -> list[tuple[float, str]]:
    return [_cell(value) for value in view.consistent]


def _classes(found: PartsBoard) -> str:
    views = [view for view in found.views if view.gain_by_class]
    if not views:
        return ""
    ordered = [label for label in found.ordered_classes() if any(label in view.gain_by_class for view in views)]
    heads = [line_name(view.line, 40) for view in views]

    def table(caption: str, labels: Iterable[int]) -> str:
        return heat(caption, "class", heads, [(found.names.of_class(label), [
            _points(view.gain_by_class.get(label)) for view in views]) for label in labels])

    caption = _CLASSES.format(each=_EACH, count=len(ordered))
    if len(ordered) <= 2 * _EACH:
        return f"<h3>Where does it fail?</h3>{table(caption, ordered)}"
    every = f"Consistency gain of all {len(ordered)} classes, lowest first, in points."
    if len(ordered) > _MOST_CLASSES:
        every = (f"Consistency gain of the {_MOST_CLASSES} classes with the lowest mean, out of {len(ordered)}, in "
                 "points.")
    return (f"<h3>Where does it fail?</h3>{table(caption, [*ordered[:_EACH], *ordered[-_EACH:]])}"
            + _folded("All classes", table(every, ordered[:_MOST_CLASSES])))


def _method(found: PartsBoard, view: PartView, address: str) -> str:
    matrix, name = "", line_name(view.line)
    if len(view.concepts):
        matrix = heat("Concept by part: share of all images showing the part on which the concept's region holds it, "
                      "in per cent.", "concept", found.parts,
                      [(f"concept {concept}", [_cell(value) for value in row])
                       for concept, row in zip(view.concepts, view.matrix, strict=True)],
                      label=f"{name}: concept by part")
    place = {int(label): at for at, label in enumerate(view.labels)}
    ordered = [label for label in found.ordered_classes() if label in place]
    chosen = ordered if len(ordered) <= 2 * _EACH else [*ordered[:_EACH], *ordered[-_EACH:]]
    own = "" if matrix else " Each class has concepts of its own here: those of one class are one line."
    classes = heat("Class by part: share of the class's images showing the part on which its best concept holds it, in "
                   f"per cent; the {len(chosen)} classes of the table above.{own}", "class", found.parts,
                   [(found.names.of_class(label), [_cell(value) for value in view.best[place[label]]])
                    for label in chosen], label=f"{name}: class by part")
    score = view.line.scores["consistency"]
    said = (f"consistency {number(view.consistency, 'fraction')} % in run {view.run_id}"
            + (f", {number(score.value, 'fraction')} % over {score.seeds} seeds" if score.seeds > 1 else ""))
    return (f'<details id="{address}"><summary>{word(name)}'
            f' <span class="quiet">{escape(printable(said))}</span></summary>{matrix}{classes}</details>')


def _cell(value: float, gain: float | None = None) -> tuple[float, str]:
    if not isfinite(value):
        return 0.0, '<span class="interval">n/a</span>'
    below = "" if gain is None or not isfinite(gain) else f' <span class="interval">{_signed(gain)}</span>'
    return float(value), number(value, "fraction") + below


def _points(gain: float | None) -> tuple[float, str]:
    return (0.0, "") if gain is None else (max(0.0, gain), _signed(gain))


def _signed(gain: float) -> str:
    shown = number(gain, "fraction")
    return f"+{shown}" if float(shown) > 0 else shown


def _folded(title: str, html: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{html}</details>"
