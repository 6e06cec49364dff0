"""Lets a frozen process go on after a while, whatever has become of who froze it: `python thaw.py PID SECONDS`.

A process that is stopped by SIGSTOP keeps even its SIGTERM waiting. Should the bench die while it holds one frozen,
this one, in a session of its own, still wakes it.
"""

import contextlib
import os
import signal
import sys
import time


def main() -> None:
    """Wait, and wake it."""
    pid, wait_s = int(sys.argv[1]), float(sys.argv[2])
    time.sleep(wait_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    main()
