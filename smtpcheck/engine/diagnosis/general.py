"""The diagnosis of a stage that no particular rule explains: every fault has one.

Knows only in what way a stage ended. Together with the rules this makes it certain that a test
never ends without an answer.
"""

from __future__ import annotations

from smtpcheck.engine.catalogue.general import PREFIXES
from smtpcheck.engine.evidence import Fault, FaultKind
from smtpcheck.engine.stages import Stage

_ENDINGS = {
    FaultKind.NOT_OFFERED: "rejected",
    FaultKind.TIMEOUT: "timeout",
    FaultKind.CLOSED: "closed",
    FaultKind.RESET: "reset",
    FaultKind.TOO_MUCH: "too-much",
    FaultKind.BAD_REPLY: "bad-reply",
    FaultKind.OUT_OF_STEP: "out-of-step",
}


def general_id(fault: Fault) -> str:
    """Return the id of the general diagnosis of a fault."""
    if fault.stage not in PREFIXES:
        return "tls.handshake-failed" if fault.stage is Stage.TLS else "tool.internal-error"
    ending = _ENDINGS.get(fault.kind, "")
    if fault.kind is FaultKind.REPLY and fault.reply is not None:
        ending = "deferred" if fault.reply.code < 500 else "rejected"
    if not ending:
        # Within the encrypted stream the alert of a server can come at any stage.
        return (
            "tls.handshake-failed" if fault.kind is FaultKind.HANDSHAKE else "tool.internal-error"
        )
    return f"{PREFIXES[fault.stage]}.{ending}"
