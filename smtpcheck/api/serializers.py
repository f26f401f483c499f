"""The two carriers of ``TestSmtpServer``: what a caller asks, and what it is answered.

Types are taken as Newtonsoft.Json takes them, so that a client of the original need not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from smtpcheck import services, wording
from smtpcheck.api.jsonreader import JsonNumber
from smtpcheck.engine.stages import Goal, Verdict
from smtpcheck.models import SmtpTestResult

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class Text(serializers.Field[str, Any, str, Any]):
    """A string member: numbers and booleans become their JSON text, objects are refused."""

    def to_internal_value(self, data: object) -> str:
        """Return the text, with half characters (lone surrogates) replaced as the original does."""
        match data:
            case bool():
                return "true" if data else "false"
            case str():
                return _LONE_SURROGATES.sub("\ufffd", str(data))
            case bytes():
                raise serializers.ValidationError(
                    _("The form is not valid UTF-8 behind its percent signs.")
                )
        raise serializers.ValidationError(
            _("This must be a text; %(kind)s was sent.") % {"kind": _kind(data)}
        )


class Flag(serializers.Field[bool, Any, bool, Any]):
    """A boolean member: also "true" and "false" in any case, and numbers (zero is false)."""

    def to_internal_value(self, data: object) -> bool:
        """Return the boolean; no other text ("yes", "") is one."""
        match data:
            case bool():
                return data
            case JsonNumber():
                return not _is_zero(data)
            case str() if data.strip().lower() in {"true", "false"}:
                return data.strip().lower() == "true"
        raise serializers.ValidationError(
            _("This must be true or false; %(kind)s was sent.") % {"kind": _kind(data)}
        )


class SmtpServerRequest(serializers.Serializer[object]):
    """What a caller asks: names in any case, unknown ones ignored, missing ones by default."""

    SmtpUri = Text(default=None, allow_null=True)
    From = Text(default=None, allow_null=True)
    UseStoredPassword = Flag(default=False, allow_null=True)

    def run_validation(self, data: object = serializers.empty) -> Any:
        """Take an object only; any text in its members is for the test to judge."""
        if not isinstance(data, Mapping):
            message = _(
                "The body must be an object with the members SmtpUri, From and "
                "UseStoredPassword; %(kind)s was sent."
            )
            raise serializers.ValidationError(
                {"non_field_errors": [message % {"kind": _kind(data)}]}
            )
        return super().run_validation(_by_known_names(data, self.fields))

    def target_request(self) -> services.TargetRequest:
        """Return the validated request in the words of the use case."""
        asked = self.validated_data
        return services.TargetRequest(
            uri=asked["SmtpUri"],
            sender=asked["From"],
            use_stored_password=bool(asked["UseStoredPassword"]),
        )


# The same for the description of the API, by the type of the body.
_TEXT = {"type": ["string", "number", "boolean", "null"]}
_TRUE_OR_FALSE = r"^\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])\s*$"
_JSON_BODY = {
    "type": "object",
    "properties": {
        "SmtpUri": _TEXT,
        "From": _TEXT,
        "UseStoredPassword": {
            "anyOf": [
                {"type": ["boolean", "number", "null"]},
                {"type": "string", "pattern": _TRUE_OR_FALSE},
            ]
        },
    },
    "example": {
        "SmtpUri": "smtps://user:p%40ss@mail.example.org:465",
        "From": "user@example.org",
        "UseStoredPassword": False,
    },
}
_TEXT_BODY = {
    "type": "object",
    "properties": {
        "SmtpUri": {"type": "string"},
        "From": {"type": "string"},
        "UseStoredPassword": {"type": "boolean"},
    },
}
_OPERATIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["op", "path", "value"],
        "properties": {
            "op": {"enum": ["add", "replace"]},
            "path": {"enum": ["/SmtpUri", "/From"]},
            "value": _TEXT,
        },
    },
}
REQUEST_BODIES: dict[str, Any] = {
    "application/json": _JSON_BODY,
    "text/json": _JSON_BODY,
    "application/merge-patch+json": _JSON_BODY,
    "application/json-patch+json": {"anyOf": [_JSON_BODY, _OPERATIONS]},
    "application/xml": {**_TEXT_BODY, "xml": {"name": "TestSmtpServerRequest"}},
    "text/xml": {**_TEXT_BODY, "xml": {"name": "TestSmtpServerRequest"}},
    "application/x-www-form-urlencoded": _TEXT_BODY,
}


def _by_known_names(data: Mapping[str, object], known: Iterable[str]) -> dict[str, object]:
    """The members under the names that are known: an exact name wins over one in another case."""
    folded = {name.casefold(): value for name, value in data.items()}
    found = {name: folded[name.casefold()] for name in known if name.casefold() in folded}
    return found | {name: data[name] for name in known if name in data}


def _is_zero(number: str) -> bool:
    mantissa = number.lower().partition("e")[0]
    return not mantissa.strip("-0.")


def _kind(value: object) -> str:
    match value:
        case None:
            return _("null")
        case bool():
            return _("a boolean")
        case JsonNumber():
            return _("a number")
        case str() | bytes():
            return _("another text")
        case list():
            return _("a list")
    return _("an object")


class _Right(serializers.Serializer[object]):
    Mask = serializers.CharField(required=False)
    Reason = serializers.CharField(required=False)


class _Field(serializers.Serializer[object]):
    FieldRight = _Right(required=False)
    FieldType = serializers.CharField(required=False)
    FieldLength = serializers.IntegerField(required=False)


class SmtpTestAnswer(serializers.Serializer[object]):
    """The carrier of a result, for the description of the API; what is not selected is null."""

    Success = serializers.BooleanField(allow_null=True)
    ErrorMessage = serializers.CharField(allow_null=True)
    TableRight = _Right(allow_null=True)
    FieldProperties = serializers.DictField(child=_Field(), allow_null=True)


def answer(result: SmtpTestResult) -> dict[str, object]:
    """Return the carrier of a result, its members in the documented order."""
    works = result.shown_verdict == Verdict.WORKS and result.goal == Goal.CONTENT
    return {
        "Success": works,
        "ErrorMessage": "" if works else _error_message(result),
        "TableRight": _right("Select"),
        "FieldProperties": {
            "Success": _field("System.Boolean"),
            "ErrorMessage": _field("System.String"),
        },
    }


def _error_message(result: SmtpTestResult) -> str:
    reply = f"{result.reply_code} {result.reply_text}" if result.reply_code else ""
    return wording.error_message(result.shown_diagnosis_id, result.diagnosis_parameters, reply)


def _right(mask: str) -> dict[str, str]:
    """A right; its mask is a name that the original's client knows, and always a string."""
    return {"Mask": mask, "Reason": ""}


def _field(type_name: str) -> dict[str, object]:
    """A result's field: read only, and of no column, so its length is 0."""
    return {"FieldRight": _right("Read"), "FieldType": type_name, "FieldLength": 0}


def description(path: str) -> dict[str, object]:
    """Return what a GET on the call says: how to call it."""
    return {
        "Name": "TestSmtpServer",
        "Method": "POST",
        "Path": path,
        "Description": _(
            "Tests an SMTP server: connects, encrypts, logs in and sends a test mail. "
            "A test that fails is answered with status 200 and Success false."
        ),
        "Request": {
            "SmtpUri": _(
                "The server and its login, for example smtps://user:password@smtp.example.com:465. "
                "User and password are URL-encoded."
            ),
            "From": _("The sender address of the test mail."),
            "UseStoredPassword": _("Whether to use the password of the saved account."),
        },
        "Response": {
            "Success": _("Whether the server took the test mail."),
            "ErrorMessage": _("Why not, and what to do; empty on success."),
            "TableRight": _("What the caller may do with this table."),
            "FieldProperties": _("Type and rights of each member."),
        },
        "Query": {
            "$select": _(
                "The members wanted, parted by commas; a slash leads inside: TableRight/Mask."
            )
        },
    }
