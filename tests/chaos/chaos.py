"""Kill ``harness run`` again and again, and count what that did to its results.

    python tests/chaos/chaos.py --kills 100 --minutes 60 --seed 0

Plans of short runs are carried out as a user would, with the same command until each plan is complete. At random
moments, a third of them while Ray starts, SIGKILL hits a random one of driver, worker and raylet. A command that dies
is given again once nothing of it is left. Finished plans are compared with one that nobody disturbed; every count has
to be 0.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path

import short_runs
from verify import Damage, compare

from processes import Process, adopt_orphans, bury, descendants, end, gone

PATIENCE = 15.0  # seconds that what is left of a killed command has to go away
_STUCK = 240.0  # seconds without a new file: the command hangs
_STARTING = 10.0  # seconds from the start over which the first third of kills is spread
_RUN = 0.5  # seconds of a run besides its pauses, about
_TICK = 0.1


@dataclass
class Chaos:
    """One session: its folder, its chance, and what it saw.

    Attributes:
        kills: by what was killed.
        commands: how often the command was given.
    """

    folder: Path
    seeds: int
    pause: float
    chance: random.Random
    deadline: float
    left: int
    kills: Counter = field(default_factory=Counter)
    commands: int = 0
    plans: int = 0
    damage: Damage = field(default_factory=Damage)

    def go(self) -> None:
        """Carry out plans until as many kills are done, and the last plan is complete."""
        quiet = short_runs.run(self.folder / "reference", "--in-process", seeds=self.seeds)
        subprocess.run(quiet, env=short_runs.environment(self.folder / "quiet"), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.environment = short_runs.environment(self.folder / "chaos", self.pause) | {
            "RAY_TMPDIR": str(self.folder / "ray"), "TMPDIR": str(self.folder / "tmp")}
        for name in ("ray", "tmp"):
            (self.folder / name).mkdir()
        while self._more() and self._plan(self.folder / f"plan{self.plans}"):
            pass

    def _more(self) -> bool:
        return self.left > 0 and time.monotonic() < self.deadline

    def _plan(self, out: Path) -> bool:
        """Carry out one plan; says whether its command came to its end."""
        code, idle = None, 0
        while code != 0:
            before = sum(self.kills.values())
            code = self._command(out)
            idle = idle + 1 if sum(self.kills.values()) == before else 0
            if idle > 2:
                self.say(f"the command ends with {code} without anybody's doing; see {self._said(out)}")
                self.damage.stuck_commands += 1
                return False
        self.plans += 1
        damage, lines = compare(out, self.folder / "reference")
        checked = subprocess.run([*short_runs.HARNESS, "store", "check", out], env=self.environment, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if checked.returncode:
            damage.torn_files += 1
            lines += checked.stdout.splitlines()
        self.damage += damage
        for line in lines:
            self.say(f"{out.name}: {line}")
        self.say(f"{out.name}: complete after {self.commands} commands and {sum(self.kills.values())} kills in all")
        return True

    def _said(self, out: Path) -> Path:
        return out.with_suffix(".txt")

    def _command(self, out: Path) -> int:
        """Give the command once, and kill until it ends; gives its exit code."""
        self.commands += 1
        with self._said(out).open("a") as said:
            driver = subprocess.Popen(short_runs.run(out, seeds=self.seeds), env=self.environment, stdout=said,
                                      stderr=subprocess.STDOUT, start_new_session=True)
        while driver.poll() is None and self._more() and self._wait(driver):
            self._kill(driver)
        code = self._end(driver, out)
        for process in (left := gone(PATIENCE)):
            self.say(f"left over: {process.pid} {process.name} {process.command:.100}")
        self.damage.orphan_processes += len(left)
        end(left)
        gone(PATIENCE)
        return code

    def _wait(self, driver: subprocess.Popen) -> bool:
        """Let a random time pass; says whether the driver is still there."""
        if self.chance.random() < 1 / 3:
            return self._pass(driver, self.chance.uniform(0, _STARTING))
        while not any(process.role == "worker" for process in descendants(driver.pid)):
            if not self._pass(driver, _TICK):
                return False
        half = self.seeds * (_RUN + short_runs.STEPS * self.pause) / 4  # of the plan, where two runs work at once
        return self._pass(driver, self.chance.uniform(0, half))

    def _pass(self, driver: subprocess.Popen, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while driver.poll() is None and time.monotonic() < until:
            bury(driver.pid)
            time.sleep(min(_TICK, max(0.0, until - time.monotonic())))
        return driver.poll() is None

    def _kill(self, driver: subprocess.Popen) -> None:
        by_role: dict[str, list[Process]] = {}
        for process in descendants():
            role = "driver" if process.pid == driver.pid else process.role
            by_role.setdefault(role, []).append(process)
        by_role.pop("", None)
        role = self.chance.choice(sorted(by_role))
        end([self.chance.choice(by_role[role])])
        self.kills[role] += 1
        self.left -= 1

    def _end(self, driver: subprocess.Popen, out: Path) -> int:
        """Wait for the driver's end; one that does nothing any more is killed, and counted."""
        newest, since = None, time.monotonic()
        while driver.poll() is None:
            self._pass(driver, 1.0)
            now = max((path.stat().st_mtime_ns for path in out.glob("r*/*")), default=0)
            if now != newest:
                newest, since = now, time.monotonic()
            if time.monotonic() - since > _STUCK:
                self.say(f"no new file for {_STUCK:.0f} s; see {self._said(out)}")
                self.damage.stuck_commands += 1
                end(descendants())
        return driver.wait()

    def say(self, line: str) -> None:
        print(line, flush=True)

    def report(self) -> None:
        """What was done, and what it did."""
        counts = {"plans": self.plans, "runs": self.plans * self.seeds, "commands": self.commands,
                  **{f"kills of {role}s": count for role, count in sorted(self.kills.items())}}
        counts |= {item.name.replace("_", " "): getattr(self.damage, item.name) for item in fields(self.damage)}
        for name, count in counts.items():
            self.say(f"{name:18} {count:5}")


def main() -> int:
    """Exit code 0: nothing lost, doubled, changed or left behind; 1: something was; the folder is kept then."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=60, help="no kills after that; the plan is finished")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the victims")
    parser.add_argument("--runs", type=int, default=40, help="of a plan")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds of sleep in each step of a run")
    asked = parser.parse_args()
    adopt_orphans()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    chaos = Chaos(folder, asked.runs, asked.pause, random.Random(asked.seed),
                  time.monotonic() + 60 * asked.minutes, asked.kills)
    try:
        chaos.go()
    finally:
        end(descendants())
        chaos.report()
    if chaos.damage or sum(chaos.kills.values()) < asked.kills:
        chaos.say(f"kept: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
