"""Which rooms may use which libraries, where import contracts have no word for it: lists of what is allowed."""

import sys

import pytest

from tests.tidy import sources

ALLOWED = {
    "icd": ("pydantic", "msgpack", "cryptography"),
    "astro": ("numpy", "sgp4", "scipy"),
    "runtime": ("aiomqtt", "paho", "msgpack", "numpy"),
}


@pytest.mark.parametrize("room", ALLOWED)
def test_a_shared_room_uses_no_library_but_its_own(room: str) -> None:
    strangers = [
        f"{name}:{line} {what}"
        for name in sources.python(room)
        for line, what in sources.imports(name)
        if (top := what.split(".")[0]) not in sys.stdlib_module_names
        and top not in sources.ROOMS
        and top not in ALLOWED[room]
    ]

    assert strangers == []


def test_scipy_is_used_for_routes_alone() -> None:
    users = [
        f"{name}:{line}"
        for name in sources.python(*sources.FLIGHT_ROOMS)
        if name != "astro/routes.py"
        for line, what in sources.imports(name)
        if what.split(".")[0] == "scipy"
    ]

    assert users == []
