"""In a process that third parties' methods are installed in: ``visit.py '["patch_votes"]'`` checks methods.

Prints the names that are registered, the broken ones with their reasons, and what the check said of each.
"""

import json
import sys

from partbench.errors import UserError
from partbench.methods import check_method, registry


def verdict(name: str) -> str:
    try:
        check_method(name)
    except (AssertionError, UserError) as broken:
        return str(broken)
    return "kept"


if __name__ == "__main__":
    verdicts = {name: verdict(name) for name in json.loads(sys.argv[1])}
    print(json.dumps([registry.names(), registry.broken, verdicts]))
