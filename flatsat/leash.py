"""Runs a program that ends when its parent does: `python leash.py PARENT_PID PROGRAM ARGUMENT...`.

Standard library only, and run in isolated mode, so that it costs some milliseconds. On Linux the kernel sends SIGTERM
to the program when the process that started it is gone, however it went; elsewhere the program runs without a leash.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Put the leash on and become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)  # the parent went before the leash was on
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
