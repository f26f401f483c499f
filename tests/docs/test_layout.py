from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT
from tests.test_architecture import ROOMS

LAYOUT = (ROOT / "docs/explanation/layout.md").read_text()

# Where a path of the page may begin.
FOLDERS = ("", "engine", "engine/driver", "engine/diagnosis")
PLACES = [ROOT, *(ROOT / "smtpcheck" / folder for folder in FOLDERS)]
PATHS = set(re.findall(r"`([a-z_/]+(?:\.py|\.toml|\.md|/))`", LAYOUT))


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_path_of_the_layout_page_exists(path: str) -> None:
    assert any((place / path).exists() for place in PLACES)


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"__init__", "apps", "migrations", "tasks"}))
def test_every_room_has_its_place_on_the_layout_page(room: str) -> None:
    assert re.search(rf"`{room}(/|\.py)?`", LAYOUT)
