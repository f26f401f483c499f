"""What is written by hand in docs/reference, against the code it speaks of."""

from __future__ import annotations

import re
from typing import Any

import pytest

from project.environment import ENV_FILE, NOT_SETTINGS
from smtpcheck import services
from smtpcheck.engine.stages import Verdict
from smtpcheck.models import Door
from smtpcheck.presentation import as_plain
from tests.docs.pages import ROOT, rows
from tests.services.scripted import ScriptedEngine, fails

REFERENCE = ROOT / "docs/reference"
SETTINGS_PAGE = REFERENCE / "settings.md"


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> dict[str, Any]:
    """A result that has everything a result can have but TLS."""
    engine = ScriptedEngine()
    engine.answer = fails
    monkeypatch.setattr("smtpcheck.engine.check", engine)
    request = services.TargetRequest(uri="smtps://ann:pw@mail.example.org", sender="a@example.org")
    caller = services.Caller(user=None, door=Door.COMMAND)
    return as_plain(services.test_target(request, caller=caller))


def test_the_members_of_the_json_are_listed_in_their_order(result: dict[str, Any]) -> None:
    assert list(rows(REFERENCE / "test_smtp.md", "## JSON")) == list(result)


@pytest.mark.parametrize("member", ["asked", "diagnosis", "reply"])
def test_the_members_inside_are_listed(result: dict[str, Any], member: str) -> None:
    listed = rows(REFERENCE / "test_smtp.md", "## JSON")[member]
    for name in result[member]:
        assert f"`{name}`" in listed


@pytest.mark.parametrize("member", ["ladder", "addresses"])
def test_the_members_of_lists_are_listed(result: dict[str, Any], member: str) -> None:
    listed = rows(REFERENCE / "test_smtp.md", "## JSON")[member]
    for name in result[member][0]:
        assert f"`{name}`" in listed


def test_every_verdict_is_listed() -> None:
    listed = rows(REFERENCE / "test_smtp.md", "## JSON")["verdict"]
    assert all(f"`{verdict}`" in listed for verdict in Verdict)


def test_every_variable_that_the_project_reads_is_listed() -> None:
    source = (ROOT / "project/settings.py").read_text()
    read = set(re.findall(r"(?:env\.\w+|_secrets\.get)\(\s*\"([A-Z_]+)\"", source))
    assert {"SECRET_KEY", "DATABASE_URL", "HTTPS"} < read
    of_project = set(rows(SETTINGS_PAGE, "## The project's"))
    assert {name for name in read if not name.startswith("SMTPCHECK_")} == of_project


def test_every_variable_of_developers_is_listed() -> None:
    listed = set(rows(SETTINGS_PAGE, "## For developing"))
    # Files of secrets are told among the secrets, one is set by the demo for itself.
    files = {name for name in NOT_SETTINGS if name.endswith("_FILE")} - {ENV_FILE}
    elsewhere = files | {"SMTPCHECK_DEMO_RESTARTED"}
    assert listed == NOT_SETTINGS - elsewhere
