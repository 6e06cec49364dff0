"""What has changed lately, by version: a live client asks for what is newer than what it has, and waits for nothing."""

from collections import OrderedDict
from dataclasses import dataclass

CHANGES_MAX = 4096  # ids remembered of each kind; who is further behind is told everything again


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids that changed after a version, oldest change first. Not `complete`: some were forgotten, read all again."""

    version: int
    jobs: tuple[str, ...]
    tcs: tuple[str, ...]
    complete: bool


class Feed:
    """Counts changes. It holds ids and no content, so it can neither grow nor grow stale."""

    def __init__(self) -> None:
        self.version = 0
        self.work = 0  # grows with every change of a job or a telecommand
        self._jobs: OrderedDict[str, int] = OrderedDict()
        self._tcs: OrderedDict[str, int] = OrderedDict()
        self._forgotten = 0  # the newest version of which an id was dropped

    def touch(self) -> None:
        """Note that something changed that has no id here: a node's view, an event."""
        self.version += 1

    def job(self, job_id: str) -> None:
        """Note that a job changed."""
        self._note(self._jobs, job_id)

    def tc(self, request_id: str) -> None:
        """Note that a telecommand changed."""
        self._note(self._tcs, request_id)

    def since(self, version: int) -> Changes:
        """Return what changed after a version."""
        return Changes(
            self.version,
            _newer(self._jobs, version),
            _newer(self._tcs, version),
            complete=version >= self._forgotten,
        )

    def _note(self, changes: OrderedDict[str, int], name: str) -> None:
        self.version += 1
        self.work += 1
        changes.pop(name, None)
        changes[name] = self.version
        if len(changes) > CHANGES_MAX:
            _, self._forgotten = changes.popitem(last=False)


def _newer(changes: OrderedDict[str, int], version: int) -> tuple[str, ...]:
    found = []
    for name, changed in reversed(changes.items()):
        if changed <= version:
            break
        found.append(name)
    return tuple(reversed(found))
