from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from smtpcheck.engine.telling import exit_status
from smtpcheck.models import AuditEntry, SmtpTestResult
from tests.models.accounts import account
from tests.services.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    scripted = ScriptedEngine()
    monkeypatch.setattr("smtpcheck.engine.check", scripted)
    return scripted


@pytest.fixture(autouse=True)
def _accounts() -> None:
    for name in ("Sales", "Support", None):
        team = Group.objects.create(name=name) if name else None
        account(team=team, host=f"{name or 'nobodys'}.example.org")


def run(*arguments: str) -> list[str]:
    """The hosts that were tested."""
    before = set(SmtpTestResult.objects.values_list("pk", flat=True))
    call_command("test_smtp", *arguments, stdout=io.StringIO())
    tested = SmtpTestResult.objects.exclude(pk__in=before)
    return sorted(tested.values_list("host", flat=True))


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == exit_status.USAGE
    return str(refused.value)


def test_a_name_in_several_teams_is_asked_back_with_the_teams() -> None:
    sentence = refusal("--account", "News")
    assert "“Sales”, “Support”" in sentence
    assert "no team" in sentence
    assert "--team" in sentence


@pytest.mark.parametrize(
    ("team", "host"),
    [("Sales", "sales.example.org"), ("", "nobodys.example.org")],
)
def test_the_team_says_which_one_is_meant(team: str, host: str) -> None:
    assert run("--account", "News", "--team", team) == [host]


def test_all_can_be_those_of_one_team() -> None:
    assert run("--all", "--team", "Support") == ["support.example.org"]
    assert run("--all", "--team", "") == ["nobodys.example.org"]
    assert len(run("--all")) == 3


def test_a_team_that_is_not_there_is_answered_with_those_that_are() -> None:
    assert "“Sales”, “Support”" in refusal("--all", "--team", "operator")


def test_a_uri_has_no_team() -> None:
    assert "--team" in refusal("smtp://mail.example.org", "--team", "Sales")


def test_the_audit_tells_that_the_holder_of_the_keys_tested() -> None:
    run("--account", "News", "--team", "Sales")
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.door, entry.action) == ("", "command", "tested")


def test_the_holder_of_the_keys_is_told_the_exact_line_that_the_policy_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()  # the engine itself
    account(name="Inside", host="10.1.2.3", username="", sender="a@example.org", password=None)
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("test_smtp", "--account", "Inside", stdout=out)
    assert "SMTPCHECK_POLICY" in out.getvalue()
    assert "10.1.2.3:587" in out.getvalue()
