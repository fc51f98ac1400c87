"""As much of Ray as a pool of workers asks for: runs end at once, as told."""

from types import SimpleNamespace

import ray.exceptions

from partbench.harness.progress import Event
from partbench.harness.trial import Outcome

DIED = ray.exceptions.RayActorError(error_msg="The actor died unexpectedly.\nMore of it.")
BROKE = ray.exceptions.RayTaskError("run", "Traceback\n  File x\n", OSError("stale file handle"))


class Reference:
    """What a remote call gives back; ``never`` ends only after its worker was told to stop."""

    def __init__(self, value, worker=None):
        self.value, self.worker = value, worker

    @property
    def ended(self):
        return self.value != "never"


class FakeWorker:
    """Ends each run as ``ends`` says, by seed."""

    def __init__(self, ends, bloats, began):
        self._ends, self._bloats, self._began, self._runs = ends, bloats, began, []
        for name in ("run", "event", "stop", "bloated"):
            setattr(self, name, SimpleNamespace(remote=getattr(self, f"_{name}")))

    def _run(self, job):
        self._began.append((id(self), job.spec.seed))
        end = self._ends.get(job.spec.seed, "done")
        value = end if end == "never" or isinstance(end, Exception) else Outcome(job.run_id, end, f"why it {end}")
        self._runs.append((Reference(value, self), job))
        return self._runs[-1][0]

    def _event(self):
        return Reference(Event())

    def _stop(self):
        for reference, job in self._runs:
            if reference.value == "never":
                reference.value = Outcome(job.run_id, "interrupted")

    def _bloated(self):
        return Reference(self._bloats)


class FakeRay:
    """As much of ray as the pool asks for: two CPUs, workers that end at once."""

    exceptions = ray.exceptions

    def __init__(self, ends, bloats=False):
        self.workers, self.killed, self.began, self.looks = [], [], [], 0
        self.make = lambda: FakeWorker(ends, bloats, self.began)
        self.ctrl_c_at = None

    def cluster_resources(self):
        return {"CPU": 2.0}

    def remote(self, **_):
        return lambda kind: SimpleNamespace(remote=self._start)

    def _start(self, cores):
        self.workers.append(self.make())
        return self.workers[-1]

    def wait(self, references, timeout):
        self.looks += 1
        if self.looks == self.ctrl_c_at:
            raise KeyboardInterrupt
        assert self.looks < 50, "the pool waits for ever"
        return [reference for reference in references if reference.ended][:1], []

    def get(self, reference, timeout=None):
        if isinstance(reference.value, Exception):
            raise reference.value
        return reference.value

    def kill(self, worker):
        self.killed.append(worker)
