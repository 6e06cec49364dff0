"""Generated pages equal the tables and icd they come from."""

from pathlib import Path

import pytest

from flatsat import documents

PAGES = documents.pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_generated_page_equals_the_code(name: str) -> None:
    path = Path("docs") / name

    assert path.read_text() == PAGES[name], "run `python -m flatsat.documents` and commit what it wrote"
