"""As much of Ray as a pool of workers asks for: runs end at once, as told."""

from types import SimpleNamespace

import ray.exceptions

from partbench.harness.progress import Event
from partbench.harness.schedule.outcome import Outcome

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
        for name in ("run", "event", "stop"):
            setattr(self, name, SimpleNamespace(remote=getattr(self, f"_{name}")))

    def _run(self, job):
        self._began.append((id(self), job.spec.seed))
        end = self._ends.get(job.spec.seed, "done")
        plain = end == "never" or isinstance(end, Exception)
        value = end if plain else (Outcome(job.run_id, end, f"why it {end}", certain=True), self._bloats)
        self._runs.append((Reference(value, self), job))
        return self._runs[-1][0]

    def _event(self):
        return Reference(Event())

    def _stop(self):
        for reference, job in self._runs:
            if reference.value == "never":
                reference.value = Outcome(job.run_id, "interrupted"), False


class FakeRay:
    """As much of ray as the pool asks for: two CPUs, workers that end at once."""

    exceptions = ray.exceptions

    def __init__(self, ends, bloats=False):
        self.workers, self.killed, self.began, self.looks = [], [], [], 0
        self.make = lambda: FakeWorker(ends, bloats, self.began)
        self.alive, self.cpus = True, 2.0

    def nodes(self):
        return [{"Alive": self.alive, "NodeID": "here", "Resources": {"CPU": self.cpus, "memory": 2.0**33}}]

    def get_runtime_context(self):
        return SimpleNamespace(get_node_id=lambda: "here")

    def remote(self, **_):
        return lambda kind: SimpleNamespace(remote=self._start)

    def _start(self, cores, memory, share):
        self.workers.append(self.make())
        return self.workers[-1]

    def wait(self, references, timeout):
        self.looks += 1
        assert self.looks < 100, "the pool waits for ever"
        return [reference for reference in references if reference.ended][:1], []

    def get(self, reference, timeout=None):
        if isinstance(reference.value, Exception):
            raise reference.value
        return reference.value

    def kill(self, worker):
        self.killed.append(worker)
