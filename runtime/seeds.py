"""Streams of chance: each place that draws has its own, so that one more draw here moves nothing there."""

import hashlib
import random


def stream(seed: int, name: str) -> random.Random:
    """Return the generator that belongs to a seed and a name; the same in every process."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))
