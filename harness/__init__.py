"""The conductor: command line, plan, schedule, training loop, one-pass evaluation, run folders."""

from ..contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "RunConfig": ".config",
    "RunSpec": ".spec",
    "main": ".cli",
    "make_plan": ".plan",
    "run": ".api",
})
