"""What a WSGI server (gunicorn) serves; live pages need the ASGI one."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from smtpcheck.conf import require_runtime

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_wsgi_application()

# Without keys nothing could be opened or sealed: refuse at the start, not at the first call.
require_runtime()
