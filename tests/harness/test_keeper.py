"""What a driver started as its Ray ends with it, however it ends; what it started besides does not."""

import os
import signal
import subprocess
import sys
import time

import pytest

from partbench import processes

DRIVER = """
import os, subprocess, sys, time
from partbench import processes
from partbench.harness.schedule.keeper import kept
def start(*words):
    child = subprocess.Popen([*words, "sleep", "600"])
    return f"{child.pid}-{processes.started(child.pid)}"
before = start("setsid")
with kept() as keeper:
    ray = start("setsid")
    if sys.argv[1] != "starting":
        keeper.begun()
    other = before if sys.argv[1] == "starting" else start("setsid")  # in between nobody can tell them apart
    print(ray, other, flush=True)
    if sys.argv[1] != "leaves":
        time.sleep(600)
print("left", flush=True)
time.sleep(600)
"""


def lives(told):
    number, start = told.split("-")
    return processes.started(int(number)) == start


@pytest.mark.parametrize("end", ["killed", "starting", "leaves"])
def test_ray_ends_with_the_driver_and_its_other_children_stay(end):
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, end], stdout=subprocess.PIPE, text=True)
    ray, other = told = driver.stdout.readline().split()
    try:
        assert all(map(lives, told))
        if end == "leaves":
            assert driver.stdout.readline() == "left\n"
            assert not lives(ray)
        driver.kill()
        driver.wait()
        until = time.monotonic() + 20
        while lives(ray):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert lives(other)
    finally:
        for number, start in (one.split("-") for one in told):
            if processes.started(int(number)) == start:
                os.kill(int(number), signal.SIGKILL)

