"""The pages that people read, taken apart: links, blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

# A fenced block, which may be indented in a list, and the marker that may stand above it.
_BLOCK = re.compile(
    r"(?:^<!-- example: (?P<example>[\w-]+) -->\n)?"
    r"^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page; ``example`` is the name that its marker gives it."""

    page: Path
    kind: str
    text: str
    example: str = ""


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page in their order."""
    return [
        Block(page, match["kind"], match["text"], match["example"] or "")
        for match in _BLOCK.finditer(page.read_text())
    ]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text())


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command on a page: what a shell would start, line by line."""
    for block in blocks(page):
        if block.kind == "console":
            yield from _commands_of(block.text)


def _commands_of(text: str) -> Iterator[list[str]]:
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        if line.lstrip().startswith("$ "):
            for part in line.lstrip().removeprefix("$ ").split(" && "):
                yield shlex.split(part, comments=True)


def all_commands() -> list[tuple[str, list[str]]]:
    """Every command of every page, with the page's path for the name of a test."""
    return [(str(page.relative_to(ROOT)), words) for page in PAGES for words in commands(page)]


def rows(page: Path, heading: str) -> dict[str, str]:
    """The first table below a heading: the first cell of each row to the rest of the row."""
    below = page.read_text().partition(f"\n{heading}\n")[2]
    lines = below.partition("\n|")[2].partition("\n\n")[0].splitlines()
    cells = [line.strip("|").partition("|") for line in lines[2:]]
    return {first.strip().strip("`"): rest.strip() for first, _, rest in cells}
