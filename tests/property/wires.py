"""Strategies for the shapes of icd, read off the models themselves: a new message is tested the day it is written."""

import importlib
import pkgutil
import types
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from hypothesis import strategies as st
from pydantic import StringConstraints
from pydantic.fields import FieldInfo

import icd
from icd.envelope import Message, Wire
from icd.ids import NAME_PATTERN

TEXT_CHARS_MAX = 20  # where the model sets no bound of its own
ITEMS_MAX = 3
HEX = "0123456789abcdef"
# What the two usual patterns allow, drawn without the pattern: a tenth of the time.
BY_PATTERN = {
    NAME_PATTERN: st.text("abz019", min_size=1, max_size=4) | st.just("a" * 63) | st.just("0_-"),
    r"^[0-9a-f]{64}$": st.text(HEX, min_size=1, max_size=4).map(lambda text: text.ljust(64, "0")),
    r"^[0-9a-f]{16}$": st.text(HEX, min_size=1, max_size=4).map(lambda text: text.ljust(16, "0")),
}
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def messages() -> list[type[Message]]:
    """Return every message of icd, by kind."""
    for module in pkgutil.iter_modules(icd.__path__):
        importlib.import_module(f"icd.{module.name}")
    return sorted((one for one in Message.__subclasses__() if one.__module__.startswith("icd.")), key=lambda m: m.KIND)


def bodies(model: type[Wire]) -> st.SearchStrategy[dict[str, Any]]:
    """Return legal bodies of a model, as they stand on the wire."""
    return st.fixed_dictionaries(
        {name: _values(info.annotation, list(info.metadata)) for name, info in model.model_fields.items()}
    )


def _values(kind: Any, bounds: list[Any]) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _values(arguments[0], bounds + _flat(arguments[1:]))
    if origin in (Union, types.UnionType):
        return st.one_of([_values(one, bounds) for one in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return _tuples(arguments, bounds)
    if origin is dict:
        keys = _values(arguments[0], [])
        return st.dictionaries(keys, _values(arguments[1], []), max_size=ITEMS_MAX)
    if isinstance(kind, type) and issubclass(kind, Wire):
        return bodies(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from([member.value for member in kind])
    return _scalars(kind, bounds)


def _flat(metadata: tuple[Any, ...]) -> list[Any]:
    found: list[Any] = []
    for one in metadata:
        found += one.metadata if isinstance(one, FieldInfo) else [one]
    return found


def _tuples(arguments: tuple[Any, ...], bounds: list[Any]) -> st.SearchStrategy[Any]:
    if arguments[-1] is not Ellipsis:
        return st.tuples(*(_values(one, []) for one in arguments)).map(list)
    least = _least(bounds)
    return st.lists(_values(arguments[0], []), min_size=least, max_size=least + ITEMS_MAX)


def _scalars(kind: Any, bounds: list[Any]) -> st.SearchStrategy[Any]:
    low, high = _low(bounds), _high(bounds)
    if kind is types.NoneType:
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(low, high)
    if kind is float:
        open_low = any(isinstance(one, annotated_types.Gt) for one in bounds)
        open_high = any(isinstance(one, annotated_types.Lt) for one in bounds)
        return st.floats(low, high, exclude_min=open_low, exclude_max=open_high, allow_nan=False, allow_infinity=False)
    if kind is bytes:
        return st.binary(min_size=_least(bounds), max_size=_most(bounds, 64))
    if kind is str:
        pattern = next((p for one in bounds if (p := _pattern(one)) is not None), None)
        if pattern is not None:
            return BY_PATTERN[pattern] if pattern in BY_PATTERN else st.from_regex(pattern, fullmatch=True)
        return st.text(min_size=_least(bounds), max_size=_most(bounds, TEXT_CHARS_MAX))
    assert kind is Any, kind
    return PLAIN


def _low(bounds: list[Any]) -> Any:
    lows: list[Any] = [one.ge if isinstance(one, annotated_types.Ge) else one.gt for one in bounds if _is_low(one)]
    return max(lows, default=None)


def _high(bounds: list[Any]) -> Any:
    highs: list[Any] = [one.le if isinstance(one, annotated_types.Le) else one.lt for one in bounds if _is_high(one)]
    return min(highs, default=None)


def _is_low(one: object) -> bool:
    return isinstance(one, annotated_types.Ge | annotated_types.Gt)


def _is_high(one: object) -> bool:
    return isinstance(one, annotated_types.Le | annotated_types.Lt)


def _least(bounds: list[Any]) -> int:
    return max((one.min_length for one in bounds if isinstance(one, annotated_types.MinLen)), default=0)


def _most(bounds: list[Any], otherwise: int) -> int:
    most = min((one.max_length for one in bounds if isinstance(one, annotated_types.MaxLen)), default=otherwise)
    return min(most, max(otherwise, _least(bounds)))


def _pattern(one: object) -> str | None:
    found = one.pattern if isinstance(one, StringConstraints) else getattr(one, "pattern", None)
    return None if found is None else str(found)
