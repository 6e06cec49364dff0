"""Element sets: two-line sets and OMM files checked, parsed, loaded, found by name or catalogue number.

Whatever the file, a satellite is its two lines: every program, configuration and snapshot of ours speaks that one
shape. An OMM holds more digits than its lines; what CelesTrak serves comes back line for line, and of sets finer
than that at most 0.5 ms of epoch and 0.00005 degrees an angle are lost, 20 m in low orbit at the most.

Sources: CelesTrak, "NORAD Two-Line Element Set Format"; Alpha-5 numbering as published by Space-Track.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique

from sgp4.api import Satrec
from sgp4.exporter import export_tle

from astro import omm
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime, to_iso

LINE_CHARS = 69
NAME_CHARS_MAX = 64
_DAY_NS = 86_400 * NS_PER_S
_UNIX_EPOCH_JD = 2440587.5
_ALPHA5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I, no O


@dataclass(frozen=True, slots=True)
class Satellite:
    """One satellite's element set: name, catalogue number, both lines, and the mission time of its epoch.

    `number` is the true catalogue number, also where it is above 339,999 and the lines, which cannot hold it, say
    00000. `row` is the line of the file where the set's elements begin, 0 when it came from none.
    """

    name: str
    number: int
    line1: str
    line2: str
    epoch: MissionTime
    row: int = field(default=0, compare=False)


@unique
class Reason(StrEnum):
    """Why an element set is left out."""

    MALFORMED = "malformed"
    DUPLICATED = "duplicated"
    STALE = "stale"
    DECAYED = "decayed"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An element set that is not used, with the line of the file where it stands and what is wrong, in one line."""

    row: int
    name: str
    reason: Reason
    text: str
    number: int | None = None  # its catalogue number, where it could be read

    def __str__(self) -> str:
        """Return row, name, reason and text as one line for an operator."""
        return f"row {self.row}: {self.name}: {self.reason}: {self.text}"


def parse_pair(name: str, line1: str, line2: str, row: int = 0) -> Satellite:
    """Return the satellite that two element lines describe.

    Raises:
        ValueError: a wrong length, line number, checksum, catalogue number or field; the text names line and column.
    """
    _check_line(line1, 1)
    _check_line(line2, 2)
    if line1[2:7] != line2[2:7]:
        raise ValueError(f"line 2, column 3: catalogue number {line2[2:7]!r} is not line 1's {line1[2:7]!r}")
    number = _catalogue_number(line1[2:7])
    for which, first, last, what, shape, low, high in _FIELDS:
        text = (line1 if which == 1 else line2)[first - 1 : last]
        if not shape.fullmatch(text):
            raise ValueError(f"line {which}, column {first}: {what} {text!r} is not {_SHAPES[shape]}")
        if low < high and not low <= float(text) <= high:
            raise ValueError(f"line {which}, column {first}: {what} {text.strip()} is not from {low:g} to {high:g}")
    record = Satrec.twoline2rv(line1, line2)
    if record.error:
        raise ValueError(f"line 2, column 27: SGP4 refuses the elements (error {record.error})")
    days = round((record.jdsatepoch - _UNIX_EPOCH_JD) * 2) * (_DAY_NS // 2)
    epoch = days + round(record.jdsatepochF * _DAY_NS) + TAI_MINUS_UTC_S * NS_PER_S
    return Satellite(name.strip()[:NAME_CHARS_MAX], number, line1, line2, MissionTime(epoch), row)


def from_record(name: str, number: int, record: Satrec, row: int = 0) -> Satellite:
    """Return the satellite of an SGP4 record, with the lines that say the same.

    Raises:
        ValueError: the elements do not fit two lines, or SGP4 refuses them.
    """
    line1, line2 = export_tle(record)
    # The library writes a zero second derivative as 00000-0, catalogues as 00000+0; one spelling, one checksum.
    body = line1[:44].ljust(44) + line1[44:52].replace(" 00000-0", " 00000+0") + line1[52:68]
    return replace(parse_pair(name, body + str(checksum(body)), line2, row), number=number)


def load(text: str) -> tuple[tuple[Satellite, ...], tuple[LeftOut, ...]]:
    """Return the satellites of a file's text, two-line sets or OMM by its content, and each set left out with why.

    Left out are malformed sets, and of sets with one catalogue number all but the newest epoch. Two-line sets may
    have a name line before them or not.
    """
    good: list[Satellite] = []
    left_out: list[LeftOut] = []
    for entry in _omm_sets(text) if omm.is_omm(text) else _line_sets(text):
        if isinstance(entry, LeftOut):
            left_out.append(entry)
        else:
            good.append(entry)
    found, doubled = _newest(good)
    return found, tuple(sorted((*left_out, *doubled), key=lambda one: one.row))


def pick(satellites: tuple[Satellite, ...], wanted: str | int) -> Satellite:
    """Return the satellite of that name or catalogue number.

    Raises:
        ValueError: none has it.
    """
    for satellite in satellites:
        if wanted in (satellite.name, satellite.number):
            return satellite
    raise ValueError(f"no satellite {wanted!r} among {len(satellites)} element sets")


def checksum(line: str) -> int:
    """Return the last digit of an element line: its digits added up, each minus sign as 1, modulo 10."""
    body = line[:68]
    return (sum(digit * body.count(str(digit)) for digit in range(1, 10)) + body.count("-")) % 10


def _line_sets(text: str) -> Iterator[Satellite | LeftOut]:
    """Yield the two-line sets of a text in order; a line that begins no pair is the name of the next."""
    name = ""
    lines = text.lstrip("\ufeff").split("\n")  # and not at the odd marks that splitlines counts too
    rows = [(number, row.rstrip()) for number, row in enumerate(lines, start=1) if row.strip()]
    index = 0
    while index < len(rows):
        number, row = rows[index]
        index += 1
        if not row.startswith(("1 ", "2 ")):
            name = row.removeprefix("0 ")
            continue
        label = name.strip()[:NAME_CHARS_MAX] or row[2:7].strip()
        name = ""
        second = rows[index][1] if index < len(rows) else ""
        if row.startswith("2 ") or not (second.startswith("2 ") or len(second) == LINE_CHARS):
            yield LeftOut(number, label, Reason.MALFORMED, "an element line without its partner")
            continue
        if second.startswith("1 "):
            yield LeftOut(number, label, Reason.MALFORMED, "an element line without its partner")
            continue
        index += 1
        try:
            yield parse_pair(label, row, second, number)
        except ValueError as error:
            yield LeftOut(number, label, Reason.MALFORMED, str(error))


def _omm_sets(text: str) -> Iterator[Satellite | LeftOut]:
    for record in omm.records(text):
        label = record.fields.get("OBJECT_NAME", "").strip() or record.fields.get("NORAD_CAT_ID", "").strip() or "?"
        try:
            if record.fault:
                raise ValueError(record.fault)
            name, number, elements = omm.read(record.fields)
            yield from_record(name, number, elements, record.row)
        except ValueError as error:
            yield LeftOut(record.row, label[:NAME_CHARS_MAX], Reason.MALFORMED, str(error))


def _newest(satellites: list[Satellite]) -> tuple[tuple[Satellite, ...], list[LeftOut]]:
    """Return the newest set of each catalogue number, in the order of the file, and the others left out."""
    best: dict[int, Satellite] = {}
    for satellite in satellites:
        held = best.get(satellite.number)
        if held is None or satellite.epoch > held.epoch:
            best[satellite.number] = satellite
    found, doubled = [], []
    for satellite in satellites:
        winner = best[satellite.number]
        if winner is satellite:
            found.append(satellite)
            continue
        when = "has the same epoch" if winner.epoch == satellite.epoch else f"is newer, of {to_iso(winner.epoch)}"
        text = f"catalogue number {satellite.number} stands again in row {winner.row}, which {when}; that one stays"
        doubled.append(LeftOut(satellite.row, satellite.name, Reason.DUPLICATED, text, satellite.number))
    return tuple(found), doubled


_DECIMAL = re.compile(r" *[+-]?(?:\d+\.?\d*|\.\d+) *")
_ASSUMED = re.compile(r"[ +-][ \d]{4}\d[ +-]\d")
_DIGITS = re.compile(r" *\d+ *")
_BLANK_OR_DIGITS = re.compile(r"[ \d]+")
_SGP4_TYPE = re.compile(r"[ 0-3]")
_SHAPES = {
    _DECIMAL: "a number",
    _ASSUMED: "a number written as ' 12345-3', for 0.12345e-3",
    _DIGITS: "digits",
    _BLANK_OR_DIGITS: "digits or blank",
    _SGP4_TYPE: "0: type 4 is SGP4-XP, which SGP4 cannot propagate",
}

# (line, first and last column, what stands there, its shape, least and greatest value where the shape is a number)
_FIELDS = (
    (1, 19, 20, "epoch year", _DIGITS, 0.0, 0.0),
    (1, 21, 32, "epoch day", _DECIMAL, 1.0, 367.0),
    (1, 34, 43, "first derivative of mean motion", _DECIMAL, 0.0, 0.0),
    (1, 45, 52, "second derivative of mean motion", _ASSUMED, 0.0, 0.0),
    (1, 54, 61, "drag term", _ASSUMED, 0.0, 0.0),
    (1, 63, 63, "ephemeris type", _SGP4_TYPE, 0.0, 0.0),
    (1, 65, 68, "element set number", _BLANK_OR_DIGITS, 0.0, 0.0),
    (2, 9, 16, "inclination", _DECIMAL, 0.0, 180.0),
    (2, 18, 25, "right ascension", _DECIMAL, 0.0, 360.0),
    (2, 27, 33, "eccentricity", _DIGITS, 0.0, 0.0),
    (2, 35, 42, "argument of perigee", _DECIMAL, 0.0, 360.0),
    (2, 44, 51, "mean anomaly", _DECIMAL, 0.0, 360.0),
    (2, 53, 63, "mean motion", _DECIMAL, 0.01, 20.0),
    (2, 64, 68, "revolution number", _BLANK_OR_DIGITS, 0.0, 0.0),
)


def _check_line(line: str, which: int) -> None:
    if len(line) != LINE_CHARS:
        raise ValueError(f"line {which}, column {min(len(line), LINE_CHARS) + 1}: {len(line)} characters, not 69")
    if not (line.isascii() and line.isprintable()):
        column, char = next((at, one) for at, one in enumerate(line, start=1) if not " " <= one <= "~")
        raise ValueError(f"line {which}, column {column}: {char!r} is not printable ASCII")
    if line[0] != str(which) or line[1] != " ":
        raise ValueError(f"line {which}, column 1: begins with {line[:2]!r}, not '{which} '")
    total = checksum(line)
    if line[68] != str(total):
        raise ValueError(f"line {which}, column 69: checksum is {line[68]!r}, the line adds up to {total}")


def _catalogue_number(text: str) -> int:
    head, tail = text[0], text[1:]
    if text.strip().isdigit():
        return int(text)
    if head in _ALPHA5 and tail.isdigit():
        return (_ALPHA5.index(head) + 10) * 10_000 + int(tail)
    raise ValueError(f"line 1, column 3: catalogue number {text!r} is neither digits nor Alpha-5")
