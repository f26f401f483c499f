from __future__ import annotations

from typing import Any

import pytest

from smtpcheck.api.jsonreader import JsonNumber
from smtpcheck.api.serializers import SmtpServerRequest


def bound(data: object) -> dict[str, Any]:
    asked = SmtpServerRequest(data=data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def errors(data: object) -> dict[str, list[str]]:
    asked = SmtpServerRequest(data=data)
    assert not asked.is_valid()
    return {name: [str(error) for error in found] for name, found in asked.errors.items()}


NOTHING = {"SmtpUri": None, "From": None, "UseStoredPassword": False}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"SmtpUri": "u", "From": "f", "UseStoredPassword": True}, ("u", "f", True)),
        ({"smtpUri": "u", "from": "f", "useStoredPassword": True}, ("u", "f", True)),
        ({"SMTPURI": "u", "FROM": "f", "usestoredpassword": True}, ("u", "f", True)),
    ],
)
def test_names_are_taken_in_any_case(data: object, expected: tuple[object, ...]) -> None:
    assert tuple(bound(data).values()) == expected


@pytest.mark.parametrize(
    "data", [{"smtpuri": "other", "SmtpUri": "exact"}, {"SmtpUri": "exact", "smtpuri": "other"}]
)
def test_an_exact_name_wins_over_another_case(data: object) -> None:
    assert bound(data)["SmtpUri"] == "exact"


def test_unknown_members_are_ignored_and_missing_ones_take_their_defaults() -> None:
    assert bound({"Recipient": "x@y", "": 1}) == NOTHING


def test_null_is_no_text_and_false() -> None:
    assert bound(dict.fromkeys(NOTHING)) == NOTHING | {"UseStoredPassword": None}
    assert SmtpServerRequest(data={}).is_valid()


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("", ""),
        ("  blanks stay  ", "  blanks stay  "),
        ("nul\0 and \x1b", "nul\0 and \x1b"),
        (JsonNumber("1.50"), "1.50"),
        (True, "true"),
        (False, "false"),
        ("half \ud800 character", "half \ufffd character"),
    ],
)
def test_a_text_member_takes(sent: object, text: str) -> None:
    value = bound({"SmtpUri": sent})["SmtpUri"]
    assert value == text
    assert type(value) is str


@pytest.mark.parametrize(
    ("sent", "flag"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("FALSE", False),
        (" True ", True),
        (JsonNumber("1"), True),
        (JsonNumber("-0.5e9"), True),
        (JsonNumber("0"), False),
        (JsonNumber("-0.00E7"), False),
    ],
)
def test_a_boolean_member_takes(sent: object, flag: bool) -> None:
    assert bound({"UseStoredPassword": sent})["UseStoredPassword"] is flag


@pytest.mark.parametrize("member", ["SmtpUri", "From"])
@pytest.mark.parametrize(("sent", "kind"), [({}, "an object"), (["a"], "a list")])
def test_a_text_member_refuses(member: str, sent: object, kind: str) -> None:
    assert errors({member.lower(): sent}) == {member: [f"This must be a text; {kind} was sent."]}


def test_a_form_field_that_is_no_utf_8_is_refused_by_name() -> None:
    told = "The form is not valid UTF-8 behind its percent signs."
    assert errors({"From": b"\xff", "other": b"\xff"}) == {"From": [told]}


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ("yes", "another text"),
        (b"\xff", "another text"),
        ("", "another text"),
        ("1", "another text"),
        ({}, "an object"),
        ([True], "a list"),
    ],
)
def test_a_boolean_member_refuses(sent: object, kind: str) -> None:
    found = errors({"useStoredPassword": sent})
    assert found == {"UseStoredPassword": [f"This must be true or false; {kind} was sent."]}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (None, "null"),
        ([{"SmtpUri": "u"}], "a list"),
        ("text", "another text"),
        (JsonNumber("1"), "a number"),
        (True, "a boolean"),
    ],
)
def test_a_body_that_is_no_object_is_refused(data: object, kind: str) -> None:
    [message] = errors(data)["non_field_errors"]
    assert message == (
        "The body must be an object with the members SmtpUri, From and UseStoredPassword; "
        f"{kind} was sent."
    )
