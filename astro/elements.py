"""Two-line element sets: checked, parsed, loaded by name or catalogue number.

Source: CelesTrak, "NORAD Two-Line Element Set Format"; Alpha-5 numbering as published by Space-Track.
"""

from dataclasses import dataclass

from sgp4.api import Satrec

from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime

LINE_CHARS = 69
_DAY_NS = 86_400 * NS_PER_S
_UNIX_EPOCH_JD = 2440587.5
_ALPHA5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I, no O


@dataclass(frozen=True, slots=True)
class Satellite:
    """One satellite's element set: name, catalogue number, both lines, and the mission time of its epoch."""

    name: str
    number: int
    line1: str
    line2: str
    epoch: MissionTime


def parse_pair(name: str, line1: str, line2: str) -> Satellite:
    """Return the satellite that two element lines describe.

    Raises:
        ValueError: a wrong length, line number, checksum, catalogue number or field; the text names line and column.
    """
    _check_line(line1, 1)
    _check_line(line2, 2)
    if line1[2:7] != line2[2:7]:
        raise ValueError(f"line 2, column 3: catalogue number {line2[2:7]!r} is not line 1's {line1[2:7]!r}")
    number = _catalogue_number(line1[2:7])
    for line, which, first, last, what in _FLOATS:
        text = (line1, line2)[line][first - 1 : last]
        try:
            float(text)
        except ValueError:
            raise ValueError(f"line {which}, column {first}: {what} {text!r} is not a number") from None
    record = Satrec.twoline2rv(line1, line2)
    if record.error:
        raise ValueError(f"line 2, column 27: SGP4 refuses the elements (error {record.error})")
    days = round((record.jdsatepoch - _UNIX_EPOCH_JD) * 2) * (_DAY_NS // 2)
    epoch = days + round(record.jdsatepochF * _DAY_NS) + TAI_MINUS_UTC_S * NS_PER_S
    return Satellite(name.strip(), number, line1, line2, MissionTime(epoch))


def load(text: str) -> tuple[tuple[Satellite, ...], tuple[str, ...]]:
    """Return the satellites of an element-set file's text, and a line for each set left out, with the reason.

    Sets may have a name line before them or not.
    """
    found: list[Satellite] = []
    left_out: list[str] = []
    name = ""
    rows = [(number, row.rstrip()) for number, row in enumerate(text.splitlines(), start=1) if row.strip()]
    index = 0
    while index < len(rows):
        number, row = rows[index]
        if not row.startswith("1 ") or index + 1 >= len(rows):
            if row.startswith(("1 ", "2 ")):
                left_out.append(f"row {number}: an element line without its partner")
            else:
                name = row
            index += 1
            continue
        try:
            found.append(parse_pair(name or row[2:7], row, rows[index + 1][1]))
        except ValueError as error:
            left_out.append(f"row {number}: {name.strip() or row[2:7]}: {error}")
        name = ""
        index += 2
    return tuple(found), tuple(left_out)


def pick(satellites: tuple[Satellite, ...], wanted: str | int) -> Satellite:
    """Return the satellite of that name or catalogue number.

    Raises:
        ValueError: none has it.
    """
    for satellite in satellites:
        if wanted in (satellite.name, satellite.number):
            return satellite
    raise ValueError(f"no satellite {wanted!r} among {len(satellites)} element sets")


# (which line, its number, first and last column, what stands there)
_FLOATS = (
    (0, 1, 19, 32, "epoch"),
    (1, 2, 9, 16, "inclination"),
    (1, 2, 18, 25, "right ascension"),
    (1, 2, 35, 42, "argument of perigee"),
    (1, 2, 44, 51, "mean anomaly"),
    (1, 2, 53, 63, "mean motion"),
)


def _check_line(line: str, which: int) -> None:
    if len(line) != LINE_CHARS:
        raise ValueError(f"line {which}, column {min(len(line), LINE_CHARS) + 1}: {len(line)} characters, not 69")
    for column, char in enumerate(line, start=1):
        if not " " <= char <= "~":
            raise ValueError(f"line {which}, column {column}: {char!r} is not printable ASCII")
    if line[0] != str(which) or line[1] != " ":
        raise ValueError(f"line {which}, column 1: begins with {line[:2]!r}, not '{which} '")
    total = sum(int(char) for char in line[:68] if char.isdigit()) + line[:68].count("-")
    if line[68] != str(total % 10):
        raise ValueError(f"line {which}, column 69: checksum is {line[68]!r}, the line adds up to {total % 10}")


def _catalogue_number(text: str) -> int:
    head, tail = text[0], text[1:]
    if text.strip().isdigit():
        return int(text)
    if head in _ALPHA5 and tail.isdigit():
        return (_ALPHA5.index(head) + 10) * 10_000 + int(tail)
    raise ValueError(f"line 1, column 3: catalogue number {text!r} is neither digits nor Alpha-5")
