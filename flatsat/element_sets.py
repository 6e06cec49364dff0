"""The element sets of a mission: found in its file, and fit for its span, or one line that says why not."""

from pathlib import Path

from astro import elements, screening
from astro.elements import LeftOut, Reason, Satellite
from icd.timebase import MissionTime

NAMES_SHOWN = 8


class ElementsError(ValueError):
    """An element file, or a set in it, that cannot be flown; the text names file, line, what was found and allowed."""


def read(source: Path) -> tuple[tuple[Satellite, ...], tuple[LeftOut, ...]]:
    """Return what an element file holds, two-line sets or OMM, and what of it was left out.

    Raises:
        ElementsError: the file cannot be read.
    """
    try:
        return elements.load(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise ElementsError(f"cannot read {source}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ElementsError(f"cannot read {source}: not UTF-8 text") from error


class MissionSets:
    """The element file of one mission, and the start and length that its sets must serve."""

    def __init__(self, source: Path, at: MissionTime, horizon_days: float) -> None:
        self._source = source
        self._at = at
        self._horizon_days = horizon_days
        self._found, self._left_out = read(source)

    def find(self, wanted: str) -> Satellite:
        """Return the satellite of a name or, written as digits, of a catalogue number.

        Raises:
            ElementsError: there is none, or more than one, or its set is stale, or its orbit decays in the run.
        """
        named = [one for one in self._found if one.name == wanted]
        named = named or [one for one in self._found if str(one.number) == wanted]
        if not named:
            raise ElementsError(self._nothing_for(wanted))
        if len(named) > 1:
            rows = ", ".join(f"row {one.row} ({one.number})" for one in named[:NAMES_SHOWN])
            raise ElementsError(
                f"{len(named)} satellites are named {wanted!r} in {self._source}: {rows};"
                " exactly one is allowed: write the catalogue number"
            )
        satellite = named[0]
        for one in self._left_out:
            if one.reason is Reason.DUPLICATED and one.number == satellite.number:
                raise ElementsError(
                    f"the element set of {wanted} stands twice in {self._source}, in rows {one.row} and"
                    f" {satellite.row}; exactly one is allowed"
                )
        fault = screening.fault(
            satellite, self._at, age_days_max=screening.AGE_DAYS_MAX, horizon_days=self._horizon_days
        )
        if fault is not None:
            raise ElementsError(f"the element set of {wanted} in {self._source}, row {satellite.row}: {fault.text}")
        return satellite

    def _nothing_for(self, wanted: str) -> str:
        why = next((f"; {one}" for one in self._left_out if wanted in (one.name, str(one.number))), "")
        have = ", ".join(one.name for one in self._found[:NAMES_SHOWN]) or "none"
        return f"no element set named {wanted!r} in {self._source}{why}; it has {have}"
