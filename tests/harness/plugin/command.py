"""The command line inside this process; as a program, in a fresh one: ``command.py '[["list", "methods"], …]'``."""

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from unittest.mock import patch


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def harness(*arguments: object) -> Ended:
    """``harness("list", "methods")``."""
    from partbench.harness.cli import main

    out, err = StringIO(), StringIO()
    with patch.object(sys, "argv", ["harness", *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            return Ended(end.code, out.getvalue(), err.getvalue())
    raise AssertionError("main returned")


if __name__ == "__main__":
    ends = [asdict(harness(*arguments)) for arguments in json.loads(sys.argv[1])]
    print(json.dumps({"ends": ends, "imported": sorted(name for name in sys.modules if "." not in name)}))
