"""Train the toy and die of SIGKILL: ``killed.py ROOT FOLDER PLACE [FOLDER PLACE ...]``, one death for each pair.

A place is ``step-N`` (in the N-th training step) or ``rename-N`` (after the N-th file of a checkpoint got its name).
"""

import os
import signal
import sys

from rehearsal import toy, training

from partbench.harness.training.train import train


def main(root: str, *pairs: str) -> None:
    for folder, place in zip(pairs[::2], pairs[1::2], strict=True):
        child = os.fork()
        if not child:
            die(root, folder, place)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"{place}: ended with {status} instead of being killed")


def die(root: str, folder: str, place: str) -> None:
    kind, _, count = place.partition("-")
    left = [int(count)]

    def tick(*_):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    if kind == "rename":
        rename = os.replace
        os.replace = lambda *names: tick(rename(*names))
    train(toy(), training(root, folder, lambda event: kind == "step" and "prepare" not in event.stage and tick()))
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
