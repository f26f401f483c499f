"""Static files served by this process, from the folders of the applications themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves static files right after a checkout, with or without `collectstatic`."""

    def add_files(self, root: Any, prefix: Any = None) -> None:
        """Add a folder if it is there; before the first `collectstatic` STATIC_ROOT is not."""
        if Path(root).is_dir():
            super().add_files(root, prefix)
