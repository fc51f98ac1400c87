"""A bit flipped and a tail cut in files that a run reads: the same command brings back what was lost, to the bit."""

import json
import random
import shutil
import subprocess
import sys

import pytest
import short_runs
from verify import compare

CUT, FLIP = "cut", "flip"
KINDS = {
    "rows": "rows/*.parquet",
    "items": "items/*.parquet",
    "board": "leaderboard.parquet",
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
    """Of each case the folder, and the end of the command that was given again; all in one process."""
    begun, chance, folders = session(), random.Random(8), []
    for number, (kind, damage) in enumerate(CASES):
        out = begun.folder / str(number)
        shutil.copytree(reference.out, out)
        file = chance.choice(sorted(out.glob(KINDS[kind])))
        if "checkpoint" in kind:
            run_id = file.relative_to(out).parts[1]
            for row in out.glob(f"rows/{run_id}.*"):
                row.unlink()  # else nobody reads it
        file.write_bytes(damaged(file.read_bytes(), damage, chance))
        folders.append(out)
    several = short_runs.HERE.parent / "harness" / "plugin" / "command.py"
    commands = [short_runs.run(out, "--in-process", "--quiet")[len(short_runs.HARNESS):] for out in folders]
    done = subprocess.run([sys.executable, several, json.dumps(commands)], stdout=subprocess.PIPE,
                          env=begun.environment, text=True, check=True)
    return dict(zip(CASES, zip(folders, json.loads(done.stdout)["ends"], strict=True), strict=True))


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_the_same_command_ends_with_every_score(case, ends, reference):
    out, end = ends[case]
    assert end["code"] == 0, end
    assert "Traceback" not in end["out"] + end["err"]
    assert compare(out, reference.out)[1] == []
