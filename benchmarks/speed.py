"""How fast partbench is: one table and a page with its figures.

    python benchmarks/speed.py --quick            # some minutes
    python benchmarks/speed.py --to speed.html    # within an hour
    python benchmarks/speed.py --sections start_up,evaluation

Ratios are taken in one process, by turns, and are medians with the least and the most beside them: they hold on a busy
machine, where seconds do not. A plain forward is the frozen backbone alone on the same batch, without gradients, by
timm's own code. Each section (a file of ``sections/``) runs in a process of its own; one that fails has a row that says
so, and what turned out slower than hoped stays in the table.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from threading import Timer

from sections.page import write_page
from sections.row import Row

SECTIONS = {
    "start_up": "From the command to the first output, and to the first training step",
    "steps": "A training step, in plain forwards of the same batch",
    "growth": "A step of IVPT, Prompt-CAM and ProtoPNet with classes, image size and prototypes",
    "roofline": "Operations of a step, against what this machine gives in a matrix product",
    "choices": "What was tried for a step, against the step as it is",
    "evaluation": "Evaluation, against the plain forwards that it takes",
    "end_to_end": "Whole commands on synthetic_birds",
    "store": "Trainings with the prefix store, against trainings without",
    "workers": "Four runs by one and by two workers",
    "gpu": "Every method at 518 pixels with DINOv2-B in bfloat16, batch 16",
}
LONGEST = 1500  # seconds of a section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", default=",".join(SECTIONS), help="names with commas: " + ", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="fewer methods, sizes and rounds")
    parser.add_argument("--threads", type=int, default=2, help="torch threads of steps and evaluation")
    parser.add_argument("--to", type=Path, default=Path("speed.html"), help="the page")
    parser.add_argument("--one", choices=SECTIONS, help=argparse.SUPPRESS)  # a section, in its own process
    arguments = parser.parse_args()
    if arguments.one:
        for row in import_module(f"sections.{arguments.one}").rows(arguments.quick, arguments.threads):
            print(row.encoded(), flush=True)
        return
    if unknown := set(arguments.sections.split(",")) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no section is left behind
    found: dict[str, list[Row]] = {}
    for name in arguments.sections.split(","):
        print(f"\n{SECTIONS[name]}\n{Row.heading()}", flush=True)
        found[name] = []
        for row in measured(name, arguments):
            print(row, flush=True)
            found[name].append(row)
            write_page(arguments.to, {SECTIONS[section]: rows for section, rows in found.items()})
    print(f"\npage: {arguments.to}")


def measured(name: str, arguments: argparse.Namespace) -> Iterator[Row]:
    """The rows of a section as they are found; the last one says why, where it fails."""
    command = [sys.executable, __file__, "--one", name, "--threads", str(arguments.threads),
               *(["--quick"] if arguments.quick else [])]
    with (tempfile.TemporaryFile("w+") as said,
          subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process):
        clock = Timer(LONGEST, process.terminate)
        clock.start()
        try:
            for line in process.stdout:
                yield Row(**json.loads(line))
        except BaseException:  # whoever stops this stops the section, too
            process.terminate()
            raise
        finally:
            overdue = not clock.is_alive()
            clock.cancel()
        said.seek(0)
        lines = said.read().strip().splitlines()
    if overdue:
        yield Row("not finished", note=f"stopped after {LONGEST} s")
    elif process.returncode:
        yield Row("failed", note=lines[-1] if lines else f"exit code {process.returncode}")


if __name__ == "__main__":
    main()
