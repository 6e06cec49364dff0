"""Running jobs: orders go in, the Runner messages of node/messages.py come out."""

from dataclasses import dataclass
from typing import Protocol

from icd.jobs import JobSpec


@dataclass(frozen=True, slots=True)
class JobStart:
    """One attempt to run a job."""

    spec: JobSpec
    attempt: int
    checkpoint: str | None  # the promoted checkpoint to resume from


class Runner(Protocol):
    """Starts and ends attempts. Every order returns at once; the outcome arrives as a message of node/messages.py.

    For each `start` there is exactly one RunnerExited, whatever happens, and it comes after every process of the
    attempt is gone. Orders for an attempt that does not run are ignored.
    """

    def start(self, order: JobStart) -> None:
        """Unpack the bundle into a directory of the attempt's own and run its command under the spec's limits."""
        ...

    def preempt(self, job_id: str) -> None:
        """Send SIGTERM; after the spec's grace (wall time), SIGKILL."""
        ...

    def kill(self, job_id: str) -> None:
        """End the attempt now."""
        ...

    def collect(self, job_id: str, attempt: int) -> None:
        """Pack and hash the output of an attempt that exited 0; RunnerCollected follows."""
        ...

    def discard(self, job_id: str) -> None:
        """Remove everything the runner keeps of an ended job, save its result and log files."""
        ...

    def end_orphans(self) -> int:
        """End whatever processes a dead predecessor left; return how many. Runs before the first message, and waits."""
        ...

    def sandbox_level(self) -> str:
        """Return how jobs are confined here, such as `landlock-7` or `rlimits`."""
        ...
