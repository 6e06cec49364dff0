"""`python -m benchmarks.world [--json] [--into docs/world.md]`: how fast the world is beside its peers."""

import os
import sys

from benchmarks.one_thread import ONE_THREAD


def main() -> int:
    """Measure every row, on one thread."""
    os.environ.update(ONE_THREAD)  # before numpy is loaded, which asks but once
    from benchmarks import door, world_rows

    return door.main(world_rows.STUDY, world_rows.PARTS, sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
