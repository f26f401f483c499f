"""The table of diagnoses: every situation a test can end in, with its text.

Knows what a situation means and what to do, not how it is recognised: that is ``diagnosis``. The
ids are public and never renamed. To add one, write an ``Entry`` into the module of its stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module

from smtpcheck.engine.catalogue.entry import (
    PARAMETERS,
    Confidence,
    Entry,
    Needs,
    Outcome,
    gettext_noop,
)
from smtpcheck.engine.errors import EngineError

__all__ = [
    "CATALOGUE",
    "PARAMETERS",
    "Confidence",
    "Entry",
    "Needs",
    "Outcome",
    "UnknownDiagnosis",
    "entry",
    "gettext_noop",
]

# In the order of the stages, the general ones behind the specific ones.
_MODULES = (
    "config",
    "dns",
    "oauth",
    "connect",
    "protocol",
    "greeting",
    "ehlo",
    "starttls",
    "certificates",
    "tls",
    "auth",
    "auth_providers",
    "mail",
    "rcpt",
    "data",
    "general",
    "delivery",
    "deliverability",
    "tool",
)


class UnknownDiagnosis(EngineError, KeyError):
    """No entry of the catalogue has this id."""

    def __init__(self, diagnosis_id: str) -> None:
        super().__init__(diagnosis_id)
        self.diagnosis_id = diagnosis_id

    def __str__(self) -> str:
        return f"{self.diagnosis_id!r} is no diagnosis of the catalogue"


class _Catalogue(Mapping[str, Entry]):
    """The entries by id, read at the first look-up.

    That takes as long as a whole test on a short line, and a test that works looks nothing up.
    """

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        modules = [import_module(f"{__name__}.{name}") for name in _MODULES]
        return {item.id: item for module in modules for item in module.ENTRIES}

    def __getitem__(self, diagnosis_id: str) -> Entry:
        return self._entries[diagnosis_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


CATALOGUE: Mapping[str, Entry] = _Catalogue()


# The submodule of this name is imported above, so its attribute of the package is this function
# from here on; the module itself is reached by `from smtpcheck.engine.catalogue.entry import ...`.
def entry(diagnosis_id: str) -> Entry:
    """Return the entry with this id; raises UnknownDiagnosis."""
    try:
        return CATALOGUE[diagnosis_id]
    except KeyError:
        raise UnknownDiagnosis(diagnosis_id) from None
