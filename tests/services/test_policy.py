from __future__ import annotations

import pytest

from smtpcheck import services
from smtpcheck.engine.policy import parse_entry
from smtpcheck.models import SmtpTestResult
from smtpcheck.presentation import as_plain, policy_hint_of
from smtpcheck.services import Caller, TargetRequest
from tests.models.accounts import account
from tests.services.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)

ENTRY = "10.0.0.0/8:587"


def test_what_an_account_is_allowed_is_allowed_to_it_alone(
    engine: ScriptedEngine, operator: Caller
) -> None:
    made = account()
    made.set_policy(ENTRY)
    made.save()
    services.test_account(made, caller=operator)
    uri = "smtp://ann%40example.org:x@mail.example.org:587"
    services.test_target(TargetRequest(uri, None), caller=operator)
    services.test_account(account(name="other", host="other.example.org"), caller=operator)
    free = TargetRequest("smtp://free.example.org", "a@example.org")
    services.test_target(free, caller=operator)
    got = [parse_entry(ENTRY) in policy.entries for policy in engine.policies]
    assert got == [True, True, False, False]


def test_a_refusal_keeps_the_exact_line_and_shows_it_in_no_document(operator: Caller) -> None:
    made = account(host="127.0.0.1", security="tls", username="", sender="a@example.org")
    row = services.test_account(made, caller=operator)
    row = SmtpTestResult.objects.get(pk=row.pk)
    assert row.diagnosis_id == "config.destination-forbidden"
    assert row.policy_lines == "127.0.0.1:587"
    assert "127.0.0.1:587" in policy_hint_of(row)
    assert "policy_lines" not in str(as_plain(row))
    made.set_policy(row.policy_lines)
    made.save()
    again = services.test_account(made, caller=operator)
    assert again.diagnosis_id != "config.destination-forbidden"
    assert policy_hint_of(again) == ""
