"""Durations as people write them: 90s, 10m, 1.5h."""

import re

_SHAPE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|m|h)?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def seconds(text: str) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: the text is no duration; the message says how to write one.
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None or float(found[1]) <= 0.0:
        raise ValueError(f"{text!r} is not a duration: write 90s, 10m or 1.5h")
    return float(found[1]) * _SECONDS[found[2]]
