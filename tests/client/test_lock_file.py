"""The lock file of the official client: everything is pinned, and it works with any registry."""

from __future__ import annotations

import json
from typing import Any

from tests.client.official import HERE, PACKAGE

LOCK = (HERE / "package-lock.json").read_text()
WANTED: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]


def packages() -> dict[str, Any]:
    """What the lock file says of each package, by its folder."""
    locked: dict[str, Any] = json.loads(LOCK)["packages"]
    return locked


def test_it_holds_no_address() -> None:
    assert "://" not in LOCK, "write it by: npm run lock --prefix tests/client"
    assert "resolved" not in LOCK


def test_it_is_that_of_what_is_wanted() -> None:
    locked = packages()
    assert locked[""]["dependencies"] == WANTED
    assert locked[f"node_modules/{PACKAGE}"]["version"] == WANTED[PACKAGE]


def test_every_package_has_a_digest() -> None:
    locked = packages()
    del locked[""]
    assert all(package["integrity"].startswith("sha512-") for package in locked.values())
