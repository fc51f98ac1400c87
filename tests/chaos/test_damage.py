"""A bit flipped and a tail cut in each kind of file: readers read on, and the same command brings back what is lost."""

import json
import random
import shutil
import subprocess
import sys

import pytest
import short_runs
from verify import compare, scores

CUT, FLIP = "cut", "flip"
KINDS = {
    "rows": "rows/*.parquet",
    "items": "items/*.parquet",
    "board": "leaderboard.parquet",
    "spec": "runs/*/spec.json",
    "log": "runs/*/log.txt",
    "losses": "runs/*/losses.csv",
    "explanations": "runs/*/explanations.safetensors",
    "about explanations": "runs/*/explanations.json",
    "checkpoint": "runs/*/checkpoints/epoch-00004.safetensors",
    "about checkpoint": "runs/*/checkpoints/epoch-00004.json",
}
CASES = [(kind, damage) for kind in KINDS for damage in (CUT, FLIP)]


def damaged(content: bytes, damage: str, chance: random.Random) -> bytes:
    """A file's content, torn anywhere."""
    place = chance.randrange(len(content))
    if damage == CUT:
        return content[:place]
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1:]


@pytest.fixture(scope="module")
def ends(session, reference):
    """What became of each case: its folder, the damaged file, and the ends of ``list runs``, ``why`` and ``run``."""
    begun, chance, cases, commands = session(), random.Random(8), {}, []
    for number, (kind, damage) in enumerate(CASES):
        out = begun.folder / str(number)
        shutil.copytree(reference.out, out, ignore=shutil.ignore_patterns("report"))
        (out / "report").mkdir()
        (out / "report" / "index.html").touch()  # pages are another story
        file = chance.choice(sorted(out.glob(KINDS[kind])))
        run_id = file.relative_to(out).parts[1].partition(".")[0] if kind != "board" else None
        if "checkpoint" in kind:
            for row in out.glob(f"rows/{run_id}.*"):
                row.unlink()  # else nobody reads it
        file.write_bytes(damaged(file.read_bytes(), damage, chance))
        cases[kind, damage] = out, file
        reading = [["list", "runs", "--out", out], ["why", run_id or "0", "--out", out]]
        commands += [*reading, [*short_runs.run(out, "--in-process")[len(short_runs.HARNESS):]]]
    several = short_runs.HERE.parent / "harness" / "plugin" / "command.py"
    done = subprocess.run([sys.executable, several, json.dumps(commands, default=str)], capture_output=True,
                          env=begun.environment, text=True, check=True)
    found = json.loads(done.stdout)["ends"]
    return {case: (*cases[case], found[3 * number:3 * number + 3]) for number, case in enumerate(CASES)}


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_readers_of_a_damaged_folder_read_on(case, ends):
    _, _, (listed, reason, _) = ends[case]
    assert listed["code"] == 0, listed
    assert reason["code"] in (0, 2), reason  # 2: there is no such run, or it cannot be told
    assert "Traceback" not in listed["out"] + listed["err"] + reason["out"] + reason["err"]


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_the_same_command_ends_with_every_score(case, ends, reference):
    out, file, (_, _, run) = ends[case]
    assert run["code"] == 0, run
    assert "Traceback" not in run["out"] + run["err"]
    _, lines = compare(out, reference.out)
    assert [line for line in lines if file.name != "losses.csv" or not line.startswith("other losses")] == []
    assert len(scores(out)[0]) == short_runs.RUNS
