"""What differs from what earlier tests of the same account showed.

Knows evidence and the plan's past. A change is a note: renewals and new features are every day's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smtpcheck.engine.capabilities import Capabilities, parse_capabilities
from smtpcheck.engine.evidence import Evidence, Parameters, Reply
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Stage

_Warning = tuple[str, Stage | None, Parameters, str]


def changes_of(evidence: Evidence, past: Past) -> Iterator[_Warning]:
    """Yield the warnings that need the memory of earlier tests."""
    yield from _certificate(evidence, past)
    yield from _capabilities(evidence, past)
    yield from _refusals(evidence, past)


def _certificate(evidence: Evidence, past: Past) -> Iterator[_Warning]:
    shown = evidence.chain[0].fingerprint if evidence.chain else ""
    if shown and past.certificate and shown != past.certificate:
        line = f"SHA-256 {shown}, before {past.certificate}"
        yield "tls.cert-changed", Stage.TLS, {}, line


def _capabilities(evidence: Evidence, past: Past) -> Iterator[_Warning]:
    lost = list(_lost(evidence, past))
    if lost:
        detail = ", ".join(lost)
        yield "ehlo.capability-lost", Stage.EHLO, {"detail": detail}, detail


def _lost(evidence: Evidence, past: Past) -> Iterator[str]:
    """What was offered and is no more, in the server's words.

    EHLO inside TLS is compared with itself alone: what is said in the clear may differ.
    """
    clear, last = evidence.capabilities_clear, evidence.capabilities
    if past.was_encrypted and clear and not last and "STARTTLS" not in _offered(clear):
        yield "STARTTLS"
    now = last or (() if past.was_encrypted else clear)
    if not now or not past.capabilities:
        return
    before, offered = _offered(sorted(past.capabilities)), _offered(now)
    for keyword in before.keywords:
        # It is never offered inside TLS, and its loss in the clear is told above.
        if keyword not in offered and keyword != "STARTTLS":
            yield keyword
    if "AUTH" in offered:
        yield from (f"AUTH {name}" for name in before.mechanisms if name not in offered.mechanisms)
    if 0 < _size(offered) < (_size(before) or float("inf")) and "SIZE" in before:
        yield f"SIZE {_size(before)}"


def _offered(lines: Iterable[str]) -> Capabilities:
    return parse_capabilities(Reply(250, ("", *lines)))


def _size(offered: Capabilities) -> int:
    """The largest mail that is taken, in octets; 0 where no limit is told (RFC 1870 section 4)."""
    (told,) = offered.keywords.get("SIZE", ())[:1] or ("0",)
    return int(told) if told.isascii() and told.isdigit() else 0


def _refusals(evidence: Evidence, past: Past) -> Iterator[_Warning]:
    """The same password was refused again: whoever tests on may lock the mailbox."""
    if evidence.is_login_refused and past.refused_logins:
        count = past.refused_logins + 1
        yield "auth.lockout-risk", Stage.AUTH, {"count": count}, f"refused {count} times"
