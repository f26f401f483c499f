"""The table of diagnoses: every situation a test can end in, with its text.

Knows what a situation means and what to do, not how it is recognised: that is ``diagnosis``. The
ids are public and never renamed. To add one, write an ``Entry`` into the module of its stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from smtpcheck.engine.catalogue import (
    auth,
    auth_providers,
    certificates,
    config,
    connect,
    data,
    deliverability,
    delivery,
    dns,
    ehlo,
    general,
    greeting,
    mail,
    oauth,
    protocol,
    rcpt,
    starttls,
    tls,
    tool,
)
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

_MODULES = (
    config,
    dns,
    oauth,
    connect,
    protocol,
    greeting,
    ehlo,
    starttls,
    certificates,
    tls,
    auth,
    auth_providers,
    mail,
    rcpt,
    data,
    general,
    delivery,
    deliverability,
    tool,
)


class UnknownDiagnosis(EngineError, KeyError):
    """No entry of the catalogue has this id."""

    def __init__(self, diagnosis_id: str) -> None:
        super().__init__(diagnosis_id)
        self.diagnosis_id = diagnosis_id

    def __str__(self) -> str:
        return f"{self.diagnosis_id!r} is no diagnosis of the catalogue"


def _all_entries() -> Iterator[tuple[str, Entry]]:
    for module in _MODULES:
        for item in module.ENTRIES:
            yield item.id, item


# In the order of the stages, the general ones behind the specific ones.
CATALOGUE: Mapping[str, Entry] = MappingProxyType(dict(_all_entries()))


# The submodule of this name is imported above, so its attribute of the package is this function
# from here on; the module itself is reached by `from smtpcheck.engine.catalogue.entry import ...`.
def entry(diagnosis_id: str) -> Entry:
    """Return the entry with this id; raises UnknownDiagnosis."""
    try:
        return CATALOGUE[diagnosis_id]
    except KeyError:
        raise UnknownDiagnosis(diagnosis_id) from None
