"""What an ASGI server (uvicorn) serves."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from smtpcheck.conf import require_runtime

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

django_application = get_asgi_application()

# Imported when the applications are loaded.
from smtpcheck.api.bodylimit import LimitedBodies  # noqa: E402
from smtpcheck.api.contenttype import ReadableTypes  # noqa: E402

application = ReadableTypes(LimitedBodies(django_application))

# Without keys nothing could be opened or sealed: refuse at the start, not at the first call.
require_runtime()
