"""How long the report of 2,000 runs (40,000 rows) takes, how large its pages are, and when they are first painted.

    python benchmarks/report.py                   # generates the rows in a temporary folder
    python benchmarks/report.py --results results --profile

Builds run in processes of their own, imports included: from leaderboard.parquet, and from rows/ without it. CPU seconds
stand beside the seconds that passed, as they say more on a busy machine. First paints need playwright and a Chromium.
"""

import argparse
import cProfile
import pstats
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generated_results import generate

_BUILD = """
import resource, sys, time
started = time.perf_counter()
from partbench.leaderboard import Store, build_report
out, to, rows = sys.argv[1:]
if rows == "rows":
    Store(out).build()
build_report(out, to)
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"{time.perf_counter() - started:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, "
      f"{used.ru_maxrss / 1024:.0f} MiB")
"""


def build(results: Path, to: Path, source: str) -> str:
    """What a build takes, from ``rows`` or from the ``board``."""
    if source == "rows":
        (results / "leaderboard.parquet").unlink(missing_ok=True)
    command = [sys.executable, "-c", _BUILD, str(results), str(to), source]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def profile(results: Path, to: Path) -> None:
    """Print where the CPU seconds of a build go."""
    from partbench.leaderboard import build_report

    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(build_report, results, to)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats("partbench", 40)


def sizes(report: Path) -> str:
    """Bytes of every file, and their sum without pictures."""
    files = [file for file in report.iterdir() if file.is_file()]
    lines = [f"{file.stat().st_size:12,}  {file.name}" for file in sorted(files, key=lambda file: -file.stat().st_size)]
    return "\n".join([*lines, f"{sum(file.stat().st_size for file in files):12,}  in all, without pictures"])


def first_paints(report: Path, chromium: str) -> str:
    """Seconds from opening each page to its first contentful paint, and to when its scripts have run."""
    from playwright.sync_api import sync_playwright

    lines = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for file in sorted(report.glob("*.html")):
            page = browser.new_page()
            page.goto(file.resolve().as_uri())
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            paint, ready = page.evaluate("[performance.getEntriesByName('first-contentful-paint')[0].startTime, "
                                         "performance.getEntriesByType('navigation')[0].loadEventEnd]")
            lines.append(f"{paint / 1000:6.2f} s painted, {ready / 1000:6.2f} s loaded  {file.name}")
            page.close()
        browser.close()
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, help="a results folder instead of generated rows")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results, report = asked.results or Path(folder, "results"), Path(folder, "report")
        if not asked.results:
            print(f"{generate(results):,} rows generated", flush=True)
            print(f"from rows/:              {build(results, report, 'rows')}", flush=True)
        print(f"from leaderboard.parquet: {build(results, report, 'board')}", flush=True)
        print(sizes(report), flush=True)
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        if chromium:
            print(first_paints(report, chromium), flush=True)
        if asked.profile:
            profile(results, report)


if __name__ == "__main__":
    main()
