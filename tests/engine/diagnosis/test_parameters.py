"""A diagnosis is filled with what the test knows, and shows the one line that decided it."""

from __future__ import annotations

from smtpcheck.engine.catalogue import PARAMETERS
from smtpcheck.engine.diagnosis.parameters import evidence_line, parameters_of, target_parameters
from smtpcheck.engine.evidence import Attempt, Fault, FaultKind
from smtpcheck.engine.stages import RungState, Stage
from tests.engine.diagnosis.sightings import LEAF, SEALED, fault, rung, seen


def parameters(by: Fault, **changes: object) -> dict[str, str | int]:
    return parameters_of(by, seen(by, **changes))


def line(by: Fault, **changes: object) -> str:
    return evidence_line(by, seen(by, **changes))


def test_what_was_asked_is_known_whatever_came_of_it() -> None:
    assert target_parameters(seen()) == {
        "host": "mx.example.org",
        "port": 587,
        "security": "starttls",
        "user": "alice",
        "sender": "alice@example.org",
        "recipient": "bob@example.net",
        "ehlo_name": "probe.example",
        "address": "192.0.2.1",
    }


def test_a_refusal_gives_its_codes_and_words() -> None:
    found = parameters(fault(Stage.AUTH, "535-5.7.8 Wrong\n535 5.7.8 again"), mechanism="PLAIN")
    assert (found["code"], found["enhanced"]) == (535, "5.7.8")
    assert found["reply"] == "5.7.8 Wrong 5.7.8 again"
    assert (found["step"], found["mechanism"]) == ("auth", "PLAIN")


def test_the_time_is_that_of_the_stage_that_failed() -> None:
    ladder = (rung(Stage.GREETING, 10), rung(Stage.EHLO, 8990, RungState.FAILED))
    by = fault(Stage.EHLO, kind=FaultKind.TIMEOUT)
    assert parameters(by, ladder=ladder)["seconds"] == "9.0"
    assert "seconds" not in parameters(by)


def test_a_known_provider_is_named() -> None:
    assert parameters(fault(Stage.AUTH, "535 no"), host="smtp.gmail.com")["provider"] == "Gmail"


def test_a_certificate_is_told_also_where_it_was_not_trusted() -> None:
    found = parameters(fault(Stage.TLS, kind=FaultKind.CERTIFICATE, verify_code=62), chain=(LEAF,))
    assert found["names"] == "mx.example.org, mail.example.org"
    assert found["issuer"] == "CN=Example authority"
    assert found["not_after"] == "2026-04-01T00:00:00+00:00"


def test_tls_is_told_once_it_is_up() -> None:
    found = parameters(fault(Stage.AUTH, "535 no"), tls=SEALED)
    assert (found["tls_version"], found["cipher"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")


def test_a_wrong_pin_tells_the_fingerprint_that_was_seen() -> None:
    by = fault(Stage.TLS, kind=FaultKind.PIN, detail="cd" * 32)
    assert parameters(by)["fingerprint"] == "cd" * 32


def test_a_missing_mechanism_tells_those_that_are_offered() -> None:
    by = fault(Stage.AUTH, kind=FaultKind.NOT_OFFERED, detail="GSSAPI NTLM")
    assert parameters(by)["mechanisms"] == "GSSAPI NTLM"


def test_a_refused_mechanism_tells_those_that_are_offered() -> None:
    found = parameters(fault(Stage.AUTH, "504 no"), capabilities=("SIZE", "auth plain LOGIN"))
    assert found["mechanisms"] == "PLAIN LOGIN"
    assert "mechanisms" not in parameters(fault(Stage.AUTH, "504 no"))


def test_a_bound_is_told_by_its_name() -> None:
    by = fault(Stage.EHLO, kind=FaultKind.TOO_MUCH, detail="lines")
    assert parameters(by)["limit"] == "lines"


def test_the_parameters_of_a_refusal_here_win() -> None:
    by = Fault(
        stage=Stage.CONFIG,
        kind=FaultKind.REFUSED_HERE,
        diagnosis_id="config.port-range",
        parameters={"port": 70000},
    )
    assert parameters(by)["port"] == 70000


def test_every_parameter_is_one_that_a_text_may_name() -> None:
    for kind in FaultKind:
        by = fault(Stage.AUTH, "535 5.7.8 no", kind=kind, detail="x", raw=b"x")
        assert set(parameters(by, tls=SEALED, chain=(LEAF,), mechanism="PLAIN")) <= set(PARAMETERS)


def test_nothing_that_is_unknown_is_given() -> None:
    assert "" not in parameters(fault(Stage.DNS, kind=FaultKind.NO_ADDRESS)).values()


def test_the_line_that_decided_is_the_reply() -> None:
    assert line(fault(Stage.AUTH, "535 5.7.8 no")) == "535 5.7.8 no"


def test_the_line_that_decided_is_what_came_instead_of_one() -> None:
    by = fault(Stage.TLS, kind=FaultKind.NOT_TLS, raw=b"220 mx\r\n")
    assert line(by) == "220 mx\\x0d\\x0a"


def test_the_line_that_decided_is_openssls_number_and_word() -> None:
    by = fault(Stage.TLS, kind=FaultKind.CERTIFICATE, verify_code=10, detail="has expired")
    assert line(by) == "OpenSSL 10: has expired"


def test_the_line_that_decided_is_what_was_offered_instead() -> None:
    by = fault(Stage.STARTTLS, kind=FaultKind.NOT_OFFERED)
    assert line(by, capabilities_clear=("SIZE", "HELP")) == "SIZE | HELP"
    assert line(by) == "HELO only"


def test_the_line_that_decided_is_every_address_that_was_tried() -> None:
    attempts = (
        Attempt(address="192.0.2.1", port=25, outcome="refused", took_ms=1, detail="no one home"),
        Attempt(address="2001:db8::1", port=25, outcome="timeout", took_ms=9),
    )
    by = fault(Stage.CONNECT, kind=FaultKind.REFUSED, detail="no one home")
    assert line(by, attempts=attempts, address="") == (
        "192.0.2.1 port 25: no one home; 2001:db8::1 port 25: timeout"
    )


def test_the_line_that_decided_is_at_least_the_kind() -> None:
    assert line(fault(Stage.AUTH, kind=FaultKind.CLOSED)) == "closed"
    assert line(fault(Stage.CONFIG, kind=FaultKind.REFUSED_HERE)) == ""
