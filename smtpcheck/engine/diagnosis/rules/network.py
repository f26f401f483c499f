"""Names that lead nowhere, and connections that do not come to stand."""

from __future__ import annotations

from smtpcheck.engine.diagnosis.matcher import Rule, at, by
from smtpcheck.engine.evidence import FaultKind
from smtpcheck.engine.stages import Stage

NAMES = (
    Rule(id="dns.nxdomain", stages=at(Stage.DNS), kinds=by(FaultKind.NAME_UNKNOWN)),
    Rule(id="dns.no-address", stages=at(Stage.DNS), kinds=by(FaultKind.NO_ADDRESS)),
    Rule(id="dns.temporary", stages=at(Stage.DNS), kinds=by(FaultKind.RESOLVER_FAILED)),
)

CONNECTIONS = (
    Rule(id="connect.proxy-refused", kinds=by(FaultKind.PROXY_REFUSED)),
    Rule(id="connect.proxy-silent", kinds=by(FaultKind.PROXY_SILENT)),
    Rule(id="connect.proxy-unreachable", kinds=by(FaultKind.PROXY_UNREACHABLE)),
    Rule(id="connect.refused", stages=at(Stage.CONNECT), kinds=by(FaultKind.REFUSED)),
    Rule(id="connect.unreachable", stages=at(Stage.CONNECT), kinds=by(FaultKind.UNREACHABLE)),
    Rule(id="connect.reset", stages=at(Stage.CONNECT), kinds=by(FaultKind.RESET)),
    Rule(id="connect.worker-resources", kinds=by(FaultKind.RESOURCES)),
    Rule(id="connect.source-address", kinds=by(FaultKind.SOURCE_ADDRESS)),
    Rule(id="connect.timeout", stages=at(Stage.CONNECT), kinds=by(FaultKind.TIMEOUT)),
)
