"""Figures of the report as files for a paper: PNG, SVG or PDF, by Plotly's own exporter."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

from ..durable import mendable
from ..errors import UserError

_WIDTH, _HEIGHT = 900, 480  # pixels, where a figure does not say
_SCALE = 2  # pixels of a PNG for each of the page


def export_figures(report: Path, kind: Literal["png", "svg", "pdf"]) -> list[Path]:
    """Write every figure of the report's pages as ``figures/PAGE-ANCHOR.KIND``, in black on white; returns the paths.

    Takes Plotly's exporter, kaleido, and a Chrome or Chromium on this machine.

    Raises:
        UserError: either is missing, the report is, or the folder cannot be written.
    """
    _check_exporter()
    drawn = [(f"{page.stem}-{anchor}", spec) for page in sorted(report.glob("*.html"))
             for anchor, spec in _figures(page)]
    folder = report / "figures"
    paths = [folder / f"{name}.{kind}" for name, _ in drawn]
    with mendable(folder):
        folder.mkdir(exist_ok=True)
        _write([_on_paper(spec) for _, spec in drawn], paths)
    return paths


def _figures(page: Path) -> list[tuple[str, dict[str, Any]]]:
    """(anchor, specification) of a page's figures, as its script draws them."""
    found = _Figures()
    found.feed(page.read_text(encoding="utf-8"))
    return found.figures


class _Figures(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.figures: list[tuple[str, dict[str, Any]]] = []
        self._anchor: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self._anchor = known.get("data-for") if tag == "script" and known.get("type") == "application/json" else None

    def handle_data(self, data: str) -> None:
        if self._anchor:
            self.figures.append((self._anchor, json.loads(data)))

    def handle_endtag(self, tag: str) -> None:
        self._anchor = None


def _on_paper(spec: dict[str, Any]) -> dict[str, Any]:
    layout = spec["layout"]
    font = {**layout.get("font", {}), "color": "black"}
    return {"data": spec["data"], "layout": {**layout, "font": font, "paper_bgcolor": "white", "plot_bgcolor": "white",
                                             "width": layout.get("width", _WIDTH),
                                             "height": layout.get("height", _HEIGHT)}}


def _check_exporter() -> None:
    try:
        import kaleido  # noqa: F401
    except ImportError:
        raise UserError("Plotly's exporter is not installed; install it: pip install 'partbench[export]'") from None


def _write(figures: list[dict[str, Any]], paths: list[Path]) -> None:
    from plotly.io import write_images

    try:
        write_images(figures, paths, scale=_SCALE, validate=False)
    except RuntimeError as error:
        raise UserError(f"Plotly's exporter found no browser that works ({str(error).strip().splitlines()[0][:120]}); "
                        "install Chrome or Chromium") from None
