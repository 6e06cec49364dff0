"""Orbit mean-elements messages (OMM) as catalogues serve them: JSON, CSV, XML and KVN, read record by record.

Sources: CCSDS 502.0-B-3, Orbit Data Messages, section 4 (keys and units); CelesTrak, "A New Way to Obtain GP Data",
whose JSON and CSV leave out the frame, centre and time system. The `sgp4` library turns the values into a record.
"""

import csv
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.parsers import expat

from sgp4 import omm
from sgp4.api import Satrec

ALPHA5_MAX = 339_999  # Z9999, the largest catalogue number that an element line can carry
NUMBER_MAX = 999_999_999  # CCSDS and the United States Space Force use up to nine digits

# What each number may be. The bounds are those of the orbit or of the columns of an element line.
_NUMBERS = {
    "MEAN_MOTION": (0.01, 20.0),
    "ECCENTRICITY": (0.0, 0.9999999),
    "INCLINATION": (0.0, 180.0),
    "RA_OF_ASC_NODE": (0.0, 360.0),
    "ARG_OF_PERICENTER": (0.0, 360.0),
    "MEAN_ANOMALY": (0.0, 360.0),
    "BSTAR": (-100.0, 100.0),
    "MEAN_MOTION_DOT": (-0.99999999, 0.99999999),
    "MEAN_MOTION_DDOT": (-1.0, 1.0),
}
_OPTIONAL = {"BSTAR": "0", "MEAN_MOTION_DOT": "0", "MEAN_MOTION_DDOT": "0"}
_WORDS = {
    "CENTER_NAME": ("EARTH",),
    "REF_FRAME": ("TEME",),
    "TIME_SYSTEM": ("UTC",),
    "MEAN_ELEMENT_THEORY": ("SGP4", "SGP/SGP4"),
}
_TINY = 1e-10  # below it a rate does not fit the one digit that an element line has for the exponent; it is zero then
_EPOCH = re.compile(r"(\d{4}-(?:\d\d-\d\d|\d{3}))T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_OBJECT_ID = re.compile(r"\d{4}-\d{3}[A-Z]{1,3}")
_KVN_LINE = re.compile(r"\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*(?:\[[^\]]*\])?\s*")
_HEADER = "CCSDS_OMM_VERS"


@dataclass(frozen=True, slots=True)
class Record:
    """The keys of one satellite, the line of the file where they begin, and what is wrong there, if anything."""

    row: int
    fields: dict[str, str]
    fault: str = ""


def is_omm(text: str) -> bool:
    """Return whether a text looks like OMM of any kind rather than element lines."""
    head = text.lstrip("\ufeff \t\r\n")
    first = head.partition("\n")[0]
    return head[:1] in ("[", "{", "<") or "NORAD_CAT_ID" in first or bool(_KVN_LINE.fullmatch(first.rstrip("\r")))


def records(text: str) -> Iterator[Record]:
    """Yield what stands in an OMM text, in order, whatever its kind; where it cannot be read, a record with a fault."""
    text = text.lstrip("\ufeff")
    match text.lstrip()[:1]:
        case "[" | "{":
            yield from _json(text)
        case "<":
            yield from _xml(text)
        case _ if "NORAD_CAT_ID" in text.lstrip().partition("\n")[0] and "=" not in text.lstrip().partition("\n")[0]:
            yield from _csv(text)
        case _:
            yield from _kvn(text)


def read(fields: dict[str, str]) -> tuple[str, int, Satrec]:
    """Return name, catalogue number and SGP4 record of one satellite's keys.

    The record carries the number 0 where the true one does not fit an element line (above ALPHA5_MAX).

    Raises:
        ValueError: a key is missing or its value not allowed; the text names it, what was found and what is allowed.
    """
    values = {key: value.strip() for key, value in fields.items()}
    for key, words in _WORDS.items():
        if values.get(key, words[0]).upper() not in words:
            raise ValueError(f"{key}: found {values[key][:40]!r}; allowed is {' or '.join(words)}")
    number = _whole(values, "NORAD_CAT_ID", None, NUMBER_MAX)
    if _whole(values, "EPHEMERIS_TYPE", 0, 9) == 4:
        raise ValueError("EPHEMERIS_TYPE: found 4 (SGP4-XP); allowed are elements of SGP4, type 0")
    ready = {key: _number(values, key) for key in _NUMBERS}
    ready["EPOCH"] = _epoch(values.get("EPOCH", ""))
    ready["NORAD_CAT_ID"] = str(number if number <= ALPHA5_MAX else 0)
    ready["EPHEMERIS_TYPE"] = "0"
    ready["ELEMENT_SET_NO"] = str(_whole(values, "ELEMENT_SET_NO", 0, NUMBER_MAX) % 10_000)
    ready["REV_AT_EPOCH"] = str(_whole(values, "REV_AT_EPOCH", 0, NUMBER_MAX) % 100_000)
    ready["CLASSIFICATION_TYPE"] = values.get("CLASSIFICATION_TYPE", "U")[:1] or "U"
    designator = values.get("OBJECT_ID", "")
    ready["OBJECT_ID"] = designator if _OBJECT_ID.fullmatch(designator) else ""
    record = Satrec()
    omm.initialize(record, ready)
    return values.get("OBJECT_NAME", "") or str(number), number, record


def _number(values: dict[str, str], key: str) -> str:
    low, high = _NUMBERS[key]
    text = values.get(key) or _OPTIONAL.get(key)
    if text is None:
        raise ValueError(f"{key}: this key is missing; allowed is a number from {low:g} to {high:g}")
    value = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if not low <= value <= high:
        raise ValueError(f"{key}: found {text[:40]!r}; allowed is a number from {low:g} to {high:g}")
    if key in _OPTIONAL and abs(value) < _TINY:
        return "0"
    return "0" if value == 360.0 else text


def _whole(values: dict[str, str], key: str, default: int | None, high: int) -> int:
    text = values.get(key) or ("" if default is None else str(default))
    if not text:
        raise ValueError(f"{key}: this key is missing; allowed is a whole number from 0 to {high}")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) <= high):
        raise ValueError(f"{key}: found {text[:40]!r}; allowed is a whole number from 0 to {high}")
    return int(text)


def _epoch(text: str) -> str:
    """Return an epoch as the library reads it, from either date form of CCSDS."""
    found = _EPOCH.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        shape = "%Y-%m-%dT%H:%M:%S" if len(found[1]) == 10 else "%Y-%jT%H:%M:%S"
        moment = datetime.strptime(f"{found[1]}T{found[2]}", shape)
    except ValueError:
        raise ValueError(f"EPOCH: found {text[:40]!r}; allowed is UTC as 2026-08-22T04:08:54.125088") from None
    if not 1957 <= moment.year <= 2056:
        raise ValueError(f"EPOCH: found the year {moment.year}; allowed are 1957 to 2056, which two digits can say")
    return f"{moment.isoformat()}.{(found[3] or '0')[:6]}"


def _json(text: str) -> Iterator[Record]:
    """Yield the objects of an array (or one alone), each decoded by itself, so that every one has its line."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
    at = len(text) - len(text.lstrip())
    alone = text[at] == "{"
    row, counted = 1, 0
    at += 0 if alone else 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        row, counted = row + text.count("\n", counted, at), at
        if text[at : at + 1] == "]" and not alone:
            return
        try:
            found, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            yield Record(error.lineno, {}, f"column {error.colno}: not JSON: {error.msg}; the rest is not read")
            return
        except RecursionError:
            yield Record(row, {}, "not JSON: nested without end; the rest is not read")
            return
        if isinstance(found, dict):
            plain = {key: str(value) for key, value in found.items() if isinstance(value, str | int | float)}
            yield Record(row, plain)
        else:
            yield Record(row, {}, f"found {str(found)[:40]!r}; allowed is an object with the keys of one satellite")
        if alone:
            return


def _csv(text: str) -> Iterator[Record]:
    lines = text.lstrip().splitlines()
    above = text[: len(text) - len(text.lstrip())].count("\n")
    reader = csv.reader(lines)
    try:
        keys = [key.strip() for key in next(reader)]
        for values in reader:
            row = above + reader.line_num
            if not values:
                continue
            if len(values) == len(keys):
                yield Record(row, dict(zip(keys, values, strict=True)))
            else:
                yield Record(row, {}, f"found {len(values)} columns; allowed are the {len(keys)} of the first line")
    except csv.Error as error:
        yield Record(above + reader.line_num, {}, f"not CSV: {error}; the rest is not read")


def _kvn(text: str) -> Iterator[Record]:
    fields: dict[str, str] = {}
    start = 1
    for row, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if not line or line.startswith("COMMENT"):
            continue
        found = _KVN_LINE.fullmatch(line)
        if found is None:
            yield Record(row, {}, f"found {line[:40]!r}; allowed is KEY = VALUE")
            continue
        if found[1] in fields or found[1] == _HEADER:
            if len(fields) > 1:
                yield Record(start, fields)
            fields, start = {}, row
        fields[found[1]] = found[2]
    if len(fields) > 1:
        yield Record(start, fields)


def _xml(text: str) -> Iterator[Record]:
    """Yield the segments of an OMM document. Own entities are refused: they are how a small file becomes a huge one."""
    parser = expat.ParserCreate()
    found: list[Record] = []
    fields: dict[str, str] = {}
    pieces: list[str] = []
    begun = [1]

    def start(tag: str, attributes: dict[str, str]) -> None:
        pieces.clear()
        if tag == "segment":
            fields.clear()
            begun[0] = parser.CurrentLineNumber

    def end(tag: str) -> None:
        if tag == "segment":
            found.append(Record(begun[0], dict(fields)))
        elif tag.isupper() and "".join(pieces).strip():
            fields[tag] = "".join(pieces)
        pieces.clear()

    def entity(*about: object) -> None:
        raise ValueError("it declares an entity")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = pieces.append, entity
    try:
        # The text is decoded already: an encoding that the document claims for its bytes no longer holds.
        parser.Parse(re.sub(r"^(\s*<\?xml[^>]*?)\s+encoding=(['\"])[^'\"]*\2", r"\1", text, count=1).lstrip(), True)
    except (expat.ExpatError, ValueError) as error:
        found.append(Record(parser.CurrentLineNumber, {}, f"not XML: {error}; the rest is not read"))
    yield from found
