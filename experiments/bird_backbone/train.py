"""Train the backbone that comes with partbench, by both objectives side by side, and keep the better one.

    python experiments/bird_backbone/train.py

Each objective takes one core. The result is written to methods/backbones/ with its card.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from objectives import OBJECTIVES
from pictures import pictures
from safetensors.torch import save_file
from tqdm import tqdm

from partbench.methods.shipped import vit_birds_patch8_96

CLASSES, EACH, SEED = 1500, 16, 1
STEPS, BATCH, RATE, WARM = 1600, 64, 1e-3, 100


def train(objective: str, folder: Path, steps: int) -> None:
    """One objective; leaves ``<objective>.safetensors`` (half precision) and ``<objective>.json`` in ``folder``."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    draws = np.random.default_rng(SEED)
    shown = pictures(folder, SEED, CLASSES, EACH)
    traits = torch.from_numpy(shown.traits)
    model = OBJECTIVES[objective](vit_birds_patch8_96(num_classes=0))
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.05, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / WARM, 0.5 + 0.5 * math.cos(math.pi * step / steps) + 1e-3))
    for step in tqdm(range(steps), objective, mininterval=20):
        rows = draws.integers(len(shown), size=BATCH)
        images, shares = shown.crops(rows, draws)
        with torch.autocast("cpu", torch.bfloat16):
            terms = model(images, shares, traits[rows])
        loss = sum(terms.values())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 99:
            tqdm.write(f"{objective} step {step + 1}: " + ", ".join(f"{k} {v.item():.3f}" for k, v in terms.items()))
    state = {name: value.half().contiguous() for name, value in model.vit.state_dict().items()}
    save_file(state, folder / f"{objective}.safetensors")
    cost = {"cpu_minutes": time.process_time() / 60, "steps": steps, "batch": BATCH, "classes": CLASSES,
            "pictures": len(shown), "seed": SEED}
    (folder / f"{objective}.json").write_text(json.dumps(cost))


def both(folder: Path, steps: int) -> None:
    """Both objectives at once, one core each; then the comparison on classes that neither saw."""
    pictures(folder, SEED, CLASSES, EACH)
    command = [sys.executable, __file__, "--folder", str(folder), "--steps", str(steps), "--objective"]
    running = [subprocess.Popen([*command, objective]) for objective in OBJECTIVES]
    ended = [process.wait() for process in running]
    if any(ended):
        raise SystemExit("a training failed; its error stands above")
    from compare import compare

    compare(folder, list(OBJECTIVES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objective", choices=[*OBJECTIVES, "both"], default="both")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "bird_backbone",
                        help="for drawn pictures and the two candidates")
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.objective == "both":
        both(asked.folder, asked.steps)
    else:
        train(asked.objective, asked.folder, asked.steps)


if __name__ == "__main__":
    main()
