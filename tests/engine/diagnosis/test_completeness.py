"""Every diagnosis of the catalogue can be found, or it is said here why not.

Whoever adds an entry adds a rule for it, or a line to one of the tables below.
"""

from __future__ import annotations

from pathlib import Path

import smtpcheck
from smtpcheck.engine.catalogue import CATALOGUE, Outcome
from smtpcheck.engine.catalogue.general import ENTRIES as GENERAL
from smtpcheck.engine.diagnosis.looked_up import LOOKED_UP_IDS
from smtpcheck.engine.diagnosis.probed import PROBED_IDS
from smtpcheck.engine.diagnosis.rules import SPECIFIC

SOURCES = Path(smtpcheck.__file__).parent

# Named by the code that refuses the test or sees the defect, so there is nothing to recognise.
NAMED_WHERE_SEEN = {
    "config.host-is-url": "engine/grammar.py",
    "config.label-invalid": "engine/grammar.py",
    "config.port-range": "engine/uri.py",
    "config.uri-invalid": "engine/uri.py",
    "config.scheme": "engine/uri.py",
    "config.control-character": "engine/grammar.py",
    "config.sender-missing": "engine/plan.py",
    "config.secret-missing": "engine/plan.py",
    "config.proxy-unknown": "services/proxies.py",
    "config.pin-invalid": "engine/plan.py",
    "config.ca-invalid": "engine/tls.py",
    "config.client-cert-invalid": "engine/tls.py",
    "config.destination-forbidden": "engine/policy.py",
    "config.port-forbidden": "engine/policy.py",
    "config.cleartext-secret": "engine/session/__init__.py",
    "config.account-ambiguous": "services/asking.py",
    "config.secret-not-found": "services/asking.py",
    "config.secret-destination-changed": "services/asking.py",
    "config.secret-unreadable": "models/account.py",
    "tls.cert-missing-intermediate": "engine/chain.py",
    "tls.cert-cn-only": "engine/chain.py",
    "tls.interception": "engine/chain.py",
    "tool.budget": "engine/driver/__init__.py",
    "dns.no-address-of-family": "engine/driver/__init__.py",
    "config.source-address-invalid": "engine/plan.py",
}
# The same, with the name of the field put in.
NAMED_BY_FIELD = {"config.sender-invalid", "config.recipient-invalid"}

# They stand beside a verdict: looked for by warnings.py, or noted on the way.
WARNINGS = {
    "proto.slow-banner",
    "proto.slow-reply",
    "proto.bare-lf",
    "proto.text-contradicts-code",
    "proto.pipelining-broken",
    "ehlo.no-esmtp",
    "auth.nonascii",
    "auth.offered-in-clear",
    "auth.scram-rounds-low",
    "connect.one-address-down",
    "connect.one-address-fails",
    "connect.through-proxy",
    "connect.ipv6-broken",
    "tls.cert-expiring",
    "tls.dane",
    "tool.not-proven",
    "ehlo.capability-lost",
    "tls.cert-changed",
    "auth.lockout-risk",
}

# No test alone can see them.
NEEDS_MORE_THAN_ONE_TEST = {
    "tool.interrupted": "a later run, which finds the row that nobody closed",
}

BY_RULE = {rule.id for rule in SPECIFIC} | PROBED_IDS | LOOKED_UP_IDS
RECOGNISED = BY_RULE | {item.id for item in GENERAL}
EXPLAINED = set(NAMED_WHERE_SEEN) | NAMED_BY_FIELD | WARNINGS | set(NEEDS_MORE_THAN_ONE_TEST)


def test_what_has_no_rule_is_explained() -> None:
    without = {item.id for item in CATALOGUE.values() if not item.needs} - RECOGNISED
    assert without - EXPLAINED == set()


def test_what_waits_for_something_not_built_has_no_rule_yet() -> None:
    assert {item.id for item in CATALOGUE.values() if item.needs} & RECOGNISED == set()


def test_nothing_is_explained_that_is_not_in_the_catalogue() -> None:
    assert EXPLAINED - set(CATALOGUE) == set()


def test_what_is_named_where_it_is_seen_is_named_there() -> None:
    unnamed = [
        diagnosis_id
        for diagnosis_id, module in NAMED_WHERE_SEEN.items()
        if f'"{diagnosis_id}"' not in (SOURCES / module).read_text(encoding="utf-8")
    ]
    assert unnamed == []


def test_what_only_warns_warns_by_the_catalogue() -> None:
    assert {CATALOGUE[name].outcome for name in WARNINGS} == {Outcome.WARNING}
