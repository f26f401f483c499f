"""What came of each address of a name in words, where every one of them was tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from smtpcheck.engine.stages import Stage
from smtpcheck.engine.telling.language import gettext as _
from smtpcheck.engine.telling.wording import describe, stage_name


class AddressRow(NamedTuple):
    """One line of the table; ``differences`` is "" where it is like the one that went on."""

    address: str
    outcome: str
    differences: str


def address_rows(every_address: Sequence[Mapping[str, Any]]) -> list[AddressRow]:
    """Return a row for each address, from what a result keeps as ``every_address``."""
    chosen = next((item for item in every_address if item["went_on"]), {})
    return [
        AddressRow(
            address=item["address"],
            outcome=_outcome(item),
            differences="; ".join(_differences(item, chosen)),
        )
        for item in every_address
    ]


def _outcome(item: Mapping[str, Any]) -> str:
    if item["diagnosis_id"]:
        title = describe(item["diagnosis_id"], {"step": item["stage"]}).title
        return f"{stage_name(Stage(item['stage']))}: {title}"
    if item["went_on"]:
        return _("works; this one was tested to the end")
    return _("works as far as it was tested: up to the login")


def _differences(item: Mapping[str, Any], chosen: Mapping[str, Any]) -> Iterator[str]:
    """In what it is not like the address that went on."""
    theirs = chosen.get("certificate")
    if item["certificate"] and theirs and item["certificate"] != theirs:
        yield _("another certificate")
    if item["lacks"]:
        yield _("lacks %(capabilities)s") % {"capabilities": ", ".join(item["lacks"])}
    if item["adds"]:
        yield _("adds %(capabilities)s") % {"capabilities": ", ".join(item["adds"])}
