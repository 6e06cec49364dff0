"""Every unit of the hardware has its page, which names every field that it reports."""

from typing import get_args

import pytest

from icd import hw
from icd.envelope import Wire
from tests.tidy import sources

READINGS: tuple[type[Wire], ...] = get_args(get_args(hw.Reading)[0])
BY_UNIT = {str(reading.model_fields["unit"].default): reading for reading in READINGS}
SECTIONS = ("- **Rate**", "- **Latency**", "- **Fails by**")


@pytest.mark.parametrize("unit", hw.UNITS)
def test_the_page_of_a_unit_names_every_field_and_how_it_fails(unit: str) -> None:
    page = sources.text(f"docs/units/{unit}.md") or ""

    names = [name for name in BY_UNIT[unit].model_fields if name not in ("unit", "quality")]
    silent = [name for name in names if f"`{name}`" not in page]

    assert page, f"docs/units/{unit}.md is missing"
    assert silent == []
    assert [section for section in SECTIONS if section not in page] == []
