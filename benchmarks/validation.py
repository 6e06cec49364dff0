"""`python -m benchmarks.validation [--json] [--into docs/world.md]`: the world beside independent references."""

import os
import sys

from benchmarks.one_thread import ONE_THREAD


def main() -> int:
    """Compare everything, on one thread."""
    os.environ.update(ONE_THREAD)  # before numpy is loaded, which asks but once
    from benchmarks import door, validation_rows

    return door.main(validation_rows.STUDY, validation_rows.PARTS, sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
