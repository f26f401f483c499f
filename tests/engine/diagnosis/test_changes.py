"""What has changed since earlier tests is noted, and nothing where there was none."""

from __future__ import annotations

from typing import Any

import pytest

from smtpcheck.engine.diagnosis.changes import changes_of
from smtpcheck.engine.evidence import Evidence, FaultKind
from smtpcheck.engine.plan import Past
from smtpcheck.engine.stages import Security, Stage
from tests.engine.diagnosis.sightings import LEAF, SEALED, fault, seen

RENEWED = LEAF._replace(fingerprint="cd" * 32)
BEFORE = ("PIPELINING", "SIZE 1000", "AUTH PLAIN LOGIN")
NO_STARTTLS = fault(Stage.STARTTLS, kind=FaultKind.NOT_OFFERED)


def changes(evidence: Evidence, past: Past) -> dict[str, str]:
    return {name: line for name, _stage, _parameters, line in changes_of(evidence, past)}


def lost(*offered: str, before: tuple[str, ...] = BEFORE, **seen_as: Any) -> str:
    past = Past(was_encrypted=True, capabilities=frozenset(before))
    values: dict[str, Any] = {"capabilities": offered, "tls": SEALED}
    evidence = seen(**values | seen_as)
    return changes(evidence, past).get("ehlo.capability-lost", "")


class TestCertificate:
    def test_another_one_is_noted_with_both_fingerprints(self) -> None:
        found = changes(seen(chain=(RENEWED,)), Past(certificate=LEAF.fingerprint))
        assert RENEWED.fingerprint in found["tls.cert-changed"]
        assert LEAF.fingerprint in found["tls.cert-changed"]

    @pytest.mark.parametrize(
        ("chain", "before"),
        [((LEAF,), LEAF.fingerprint), ((LEAF,), ""), ((), LEAF.fingerprint)],
        ids=["the same", "the first", "none shown"],
    )
    def test_no_change_is_no_note(self, chain: tuple[Any, ...], before: str) -> None:
        assert changes(seen(chain=chain), Past(certificate=before)) == {}


class TestCapabilities:
    @pytest.mark.parametrize(
        ("offered", "told"),
        [
            (BEFORE, ""),
            ((*BEFORE, "SMTPUTF8"), ""),
            (("AUTH LOGIN PLAIN XOAUTH2", "SIZE 2000", "pipelining"), ""),
            (("SIZE", "AUTH PLAIN LOGIN", "PIPELINING"), ""),
            (("SIZE 1000", "AUTH PLAIN LOGIN"), "PIPELINING"),
            (("PIPELINING", "SIZE 1000"), "AUTH"),
            (("PIPELINING", "SIZE 1000", "AUTH LOGIN"), "AUTH PLAIN"),
            (("PIPELINING", "SIZE 999", "AUTH PLAIN LOGIN"), "SIZE 1000"),
            (("PIPELINING",), "AUTH, SIZE"),
        ],
    )
    def test_what_is_gone_is_named(self, offered: tuple[str, ...], told: str) -> None:
        assert ", ".join(sorted(filter(None, lost(*offered).split(", ")))) == told

    def test_a_first_test_has_nothing_to_compare(self) -> None:
        assert lost("PIPELINING", before=()) == ""

    def test_a_test_that_never_got_to_ehlo_lost_nothing(self) -> None:
        assert lost() == ""

    def test_lost_encryption_is_named_and_the_offer_in_the_clear_is_not_compared(self) -> None:
        seen_as: dict[str, Any] = {"capabilities_clear": ("AUTH LOGIN",), "tls": None}
        assert lost(ended_by=NO_STARTTLS, **seen_as) == "STARTTLS"

    def test_without_tls_the_offers_in_the_clear_are_compared(self) -> None:
        past = Past(capabilities=frozenset(BEFORE))
        evidence = seen(security=Security.OPPORTUNISTIC, capabilities_clear=BEFORE[:2])
        assert changes(evidence, past) == {"ehlo.capability-lost": "AUTH"}


class TestRefusals:
    REFUSED = fault(Stage.AUTH, "535 5.7.8 Authentication failed")

    def test_the_same_password_refused_again_is_counted(self) -> None:
        (found,) = changes_of(seen(self.REFUSED), Past(refused_logins=2))
        assert found[0] == "auth.lockout-risk"
        assert found[2] == {"count": 3}

    @pytest.mark.parametrize(
        ("ended_by", "refused_before"),
        [
            (REFUSED, 0),
            (None, 2),
            (fault(Stage.AUTH, "454 4.7.0 Temporary failure"), 2),
            (fault(Stage.AUTH, "504 5.5.4 Unknown mechanism"), 2),
            (fault(Stage.AUTH, kind=FaultKind.CLOSED), 2),
            (fault(Stage.MAIL, "550 5.7.1 No"), 2),
        ],
    )
    def test_only_the_login_itself_counts(self, ended_by: Any, refused_before: int) -> None:
        assert changes(seen(ended_by), Past(refused_logins=refused_before)) == {}
