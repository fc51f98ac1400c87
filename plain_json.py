"""JSON that somebody else wrote."""

import json
from typing import Any


def parsed(text: str | bytes) -> Any:
    """What the text says.

    Raises:
        ValueError: it is no JSON, or nested too deep.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
