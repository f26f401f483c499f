"""The project's settings, with the pages that the REST benchmark compares with."""

from __future__ import annotations

from project.settings import *  # noqa: F403 - all of them, and one more

ROOT_URLCONF = "benchmarks.rest_pages"
