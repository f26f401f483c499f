"""How answers are written. A format is one class here, named in the settings.

This module is loaded by the framework's settings, so it imports no views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from smtpcheck.api.xmlwriter import to_xml


class JsonRenderer(JSONRenderer):
    """Writes JSON in UTF-8 and says so, as the original does."""

    charset = "utf-8"


class TextJsonRenderer(JsonRenderer):
    """Writes JSON under the label ``text/json`` for the caller that asked for it."""

    media_type = "text/json"
    format = "text-json"


class JsonPatchRenderer(JsonRenderer):
    """Writes plain JSON under the label of a patch, as the original does."""

    media_type = "application/json-patch+json"
    format = "json-patch"


class MergePatchRenderer(JsonRenderer):
    """Writes plain JSON under the label of a merge patch, as the original does."""

    media_type = "application/merge-patch+json"
    format = "merge-patch"


class XmlRenderer(BaseRenderer):
    """Writes XML: an ``Error``, or the carrier that the view names for its method."""

    media_type = "application/xml"
    format = "xml"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the document; nothing for an answer without a body."""
        if data is None:
            return ""
        return to_xml(_root_of(data, renderer_context or {}), data)


class TextXmlRenderer(XmlRenderer):
    """Writes XML under the label ``text/xml`` for the caller that asked for it."""

    media_type = "text/xml"
    format = "text-xml"


def _root_of(data: Mapping[str, object], context: Mapping[str, Any]) -> str:
    if data.get("Error") is True:
        return "Error"
    names: Mapping[str, str] = getattr(context.get("view"), "xml_roots", {})
    request = context.get("request")
    return names.get(request.method or "", "Answer") if request else "Answer"


# Every format that an answer can have, in the order of preference.
RENDERERS: tuple[type[BaseRenderer], ...] = (
    JsonRenderer,
    TextJsonRenderer,
    JsonPatchRenderer,
    MergePatchRenderer,
    XmlRenderer,
    TextXmlRenderer,
)
