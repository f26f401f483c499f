"""What an ASGI server (uvicorn) serves."""

from __future__ import annotations

import gc
import os

import django

from smtpcheck.conf import require_runtime

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

django.setup(set_prefix=False)

# Imported when the applications are loaded.
from project.handler import OneThreadHandler  # noqa: E402
from smtpcheck.api.bodylimit import LimitedBodies  # noqa: E402
from smtpcheck.api.contenttype import ReadableTypes  # noqa: E402

django_application = OneThreadHandler()

application = ReadableTypes(LimitedBodies(django_application))

# Without keys nothing could be opened or sealed: refuse at the start, not at the first call.
require_runtime()

# What is loaded by now lives as long as the process. In a crowd of calls the garbage collector goes
# through everything else, and all of them wait for it: half as long as if it went through this too.
gc.freeze()
