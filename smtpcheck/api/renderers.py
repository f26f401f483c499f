"""How answers are written. A format is one class here, named in the settings.

This module is loaded by the framework's settings, so it imports no views.
"""

from __future__ import annotations

from rest_framework.renderers import JSONRenderer


class JsonRenderer(JSONRenderer):
    """Writes JSON in UTF-8 and says so, as the original does."""

    charset = "utf-8"


class TextJsonRenderer(JsonRenderer):
    """Writes JSON under the label ``text/json`` for the caller that asked for it."""

    media_type = "text/json"
    format = "text-json"
