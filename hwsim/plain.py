"""State as plain values and back: what a snapshot holds of a model."""

from collections.abc import Iterable, Mapping


def take(model: object, names: Iterable[str]) -> dict[str, object]:
    """Return the named numbers of a model."""
    return {name: getattr(model, name) for name in names}


def give(model: object, names: Iterable[str], state: object) -> None:
    """Set the named numbers of a model.

    Raises:
        KeyError, TypeError: one is missing or is not a number.
    """
    values = table(state)
    for name in names:
        setattr(model, name, number(values[name]))


def number(value: object) -> float:
    """Return a number as a float.

    Raises:
        TypeError: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def whole(value: object) -> int:
    """Return a whole number.

    Raises:
        TypeError: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def numbers(value: object) -> list[float]:
    """Return a list of numbers.

    Raises:
        TypeError: it is not one.
    """
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return [number(item) for item in value]


def table(value: object) -> Mapping[str, object]:
    """Return a map of names.

    Raises:
        TypeError: it is not one.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a map")
    return value
