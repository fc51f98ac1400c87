"""Pictures of every page of a report: desktop, phone and dark, to be looked at.

    python benchmarks/screenshots.py results/report shots

Needs playwright (``pip install partbench[test]``) and a Chromium.
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

_LOOKS = {"desktop": (1300, "light"), "phone": (390, "light"), "dark": (1300, "dark")}  # width in pixels, colours


def shoot(report: Path, to: Path, chromium: str, names: list[str], height: int) -> None:
    """Write ``to``/PAGE-LOOK.png for every page, or those that are named; at most ``height`` pixels high."""
    to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for look, (width, colours) in _LOOKS.items():
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=colours)
            for file in sorted(report.glob("*.html")):
                if not names or file.stem in names:
                    page.goto(file.resolve().as_uri())
                    whole = page.evaluate("document.documentElement.scrollHeight")
                    page.set_viewport_size({"width": width, "height": min(whole, height)})  # figures draw when near
                    page.wait_for_timeout(1000)
                    page.screenshot(path=to / f"{file.stem}-{look}.png")
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--pages", nargs="*", default=[], help="names without .html; else all")
    parser.add_argument("--height", type=int, default=4000, help="pixels at most")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    asked = parser.parse_args()
    shoot(asked.report, asked.to, asked.chromium, asked.pages, asked.height)
