"""Pages link to what is there, and every page can be found."""

import re
from pathlib import PurePosixPath

from tests.tidy import sources

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.MULTILINE)
ROOTS = ("README.md", "docs/house.md")


def pages() -> list[str]:
    return [name for name in sources.files() if name.endswith(".md")]


def prose(page: str) -> str:
    return INLINE.sub("", FENCE.sub("", sources.text(page) or ""))


def targets(page: str) -> list[tuple[str, str]]:
    """Return (path from the root, anchor) of every link to a file of ours."""
    found = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        found.append((str(resolved(page, path)) if path else page, anchor))
    return found


def resolved(page: str, path: str) -> PurePosixPath:
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / path).parts:
        if part == "..":
            if not parts:
                return PurePosixPath(path)
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def anchors(page: str) -> list[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = HEADING.findall(FENCE.sub("", sources.text(page) or ""))
    return [re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings]


def test_every_local_link_leads_somewhere() -> None:
    broken = [f"{page}: {path}" for page in pages() for path, _ in targets(page) if not (sources.ROOT / path).exists()]

    assert broken == []


def test_every_anchor_is_a_heading_of_its_page() -> None:
    broken = [
        f"{page}: {path}#{anchor}"
        for page in pages()
        for path, anchor in targets(page)
        if anchor and path.endswith(".md") and (sources.ROOT / path).exists() and anchor not in anchors(path)
    ]

    assert broken == []


def test_every_page_of_docs_can_be_reached_from_the_front() -> None:
    seen: list[str] = []
    front = [root for root in ROOTS if (sources.ROOT / root).exists()]
    while front:
        page = front.pop()
        if page in seen:
            continue
        seen.append(page)
        for path, _ in targets(page):
            inside = [name for name in pages() if PurePosixPath(name).parent == PurePosixPath(path)]
            front += [path] if path.endswith(".md") and (sources.ROOT / path).exists() else inside

    lost = [page for page in pages() if page.startswith("docs/") and page not in seen]

    assert lost == []
