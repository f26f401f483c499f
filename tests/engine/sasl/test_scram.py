"""SCRAM by the examples of its standards, against another program's server, and against liars."""

from __future__ import annotations

import base64
import time

import pytest
import scramp
from hypothesis import given
from hypothesis import strategies as st

from smtpcheck.engine.evidence import FaultKind, Oddity
from smtpcheck.engine.sasl import ChallengeRefused, Derive, Exchange, Explained
from smtpcheck.engine.sasl.scram import MAX_ROUNDS, MIN_ROUNDS
from smtpcheck.engine.stages import Stage
from tests.engine.sasl.logins import NONCE, answer, exchange, link

# RFC 5802 section 5 and RFC 7677 section 3: mechanism, client's nonce, then the dialogue.
EXAMPLES = {
    "SCRAM-SHA-1": (
        "fyko+d2lbbFgONRv9qkxdawL",
        "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        "rOprNGfwEbeRWgbNEkqO",
        "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        (
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        ),
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}
FIRST = f"r={NONCE}theirs,s=QSXCR+Q6sek8bf92,i=4096"
PASSWORDS = [
    "pencil",
    "p@:/% ö\"'\\=+,",
    "a\u0308\ufb01\u00a0\u00ad",
    "\U0001f600 nicht",
    "x" * 1000,
]
USERS = ["user", "a=b,c@example.org", "jörg", "=2C,"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_talks_as_its_standard_shows(name: str) -> None:
    nonce, client_first, server_first, client_final, server_final = EXAMPLES[name]
    said = exchange(name, over=link(nonce=nonce))
    assert said.initial_response == client_first.encode()
    said.drop_initial_response()
    assert answer(said, server_first) == client_final.encode()
    assert said.is_proof_due
    assert not said.is_server_proven
    assert answer(said, server_final) == b""
    assert said.is_server_proven
    assert not said.is_proof_due
    assert answer(said, "more?") is None


def serve(name: str, user: str, password: str, der: bytes = b"") -> scramp.core.ScramServer:
    """A server by another program that knows one user."""
    mechanism = scramp.ScramMechanism(name)
    known: tuple[bytes, bytes, bytes, int] = mechanism.make_auth_info(password)

    def find(asked: str) -> tuple[bytes, bytes, bytes, int]:
        assert asked == user
        return known

    binding = ("tls-server-end-point", der) if der else None
    server: scramp.core.ScramServer = mechanism.make_server(find, channel_binding=binding)
    return server


def talk(server: scramp.core.ScramServer, said: Exchange) -> None:
    """Hold the whole dialogue with it."""
    server.set_client_first((said.initial_response or b"").decode())
    said.drop_initial_response()
    proof = answer(said, server.get_server_first())
    assert proof is not None
    server.set_client_final(proof.decode())
    assert answer(said, server.get_server_final()) == b""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_another_programs_server_lets_us_in_and_proves_itself(name: str, user: str) -> None:
    said = exchange(name, user)
    talk(serve(name, user, "pencil"), said)
    assert said.is_server_proven


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_any_password_that_it_can_store_is_right(name: str, password: str) -> None:
    try:
        server = serve(name, "user", password)
    except scramp.ScramException:
        pytest.skip("this server cannot store it")
    said = exchange(name, "user", password)
    talk(server, said)
    assert said.is_server_proven


def test_a_wrong_password_is_refused_and_nothing_proven() -> None:
    said = exchange("SCRAM-SHA-256", "user", "wrong")
    server = serve("SCRAM-SHA-256", "user", "pencil")
    server.set_client_first((said.initial_response or b"").decode())
    said.drop_initial_response()
    proof = answer(said, server.get_server_first())
    assert proof is not None
    with pytest.raises(scramp.ScramException):
        server.set_client_final(proof.decode())
    assert answer(said, server.get_server_final()) == b""
    assert not said.is_server_proven
    assert said.explained == Explained("proof-refused", {"detail": "e=invalid-proof"})


def test_a_login_is_bound_to_its_connection() -> None:
    name, binding = "SCRAM-SHA-256-PLUS", b"\x01" * 32
    said = exchange(name, over=link(binding=binding))
    talk(serve(name, "user", "pencil", binding), said)
    assert said.is_server_proven


def test_on_another_connection_it_fails() -> None:
    name = "SCRAM-SHA-256-PLUS"
    said = exchange(name, over=link(binding=b"\x01" * 32))
    with pytest.raises(scramp.ScramException, match="channel"):
        talk(serve(name, "user", "pencil", b"\x02" * 32), said)


@pytest.mark.parametrize(
    "first",
    [
        "",
        "e=other-error",
        "r=",
        f"r={NONCE},s=QSXCR+Q6sek8bf92,i=4096",  # nothing of its own
        f"r=x{NONCE}theirs,s=QSXCR+Q6sek8bf92,i=4096",
        "r=another,s=QSXCR+Q6sek8bf92,i=4096",
        f"m=ext,{FIRST}",
        f"r={NONCE}theirs,i=4096,s=QSXCR+Q6sek8bf92",
        f"r={NONCE}theirs,s=,i=4096",
        f"r={NONCE}theirs,s===,i=4096",
        f"r={NONCE}theirs,s=abc,i=4096",
        f"r={NONCE}theirs,s=QSXCR+Q6sek8bf92,i=0",
        f"r={NONCE}theirs,s=QSXCR+Q6sek8bf92,i=-1",
        f"r={NONCE}theirs,s=QSXCR+Q6sek8bf92,i=4096x",
        f"r={NONCE}theirs,s=QSXCR+Q6sek8bf92,i=\u0664",
        f"r={NONCE}theirs,s=QSXCR+Q6sek8bf92",
        f"r={NONCE} theirs,s=QSXCR+Q6sek8bf92,i=4096",
        "\xff\xfe",
    ],
)
def test_a_first_message_not_by_the_book_is_refused(first: str) -> None:
    said = exchange("SCRAM-SHA-256")
    said.drop_initial_response()
    with pytest.raises(ChallengeRefused) as caught:
        said.answer(first.encode("latin-1", "ignore") if "\xff" in first else first.encode())
    assert caught.value.kind is FaultKind.BAD_CHALLENGE


def test_an_extension_behind_the_rounds_is_left_alone() -> None:
    said = exchange("SCRAM-SHA-256")
    said.drop_initial_response()
    assert isinstance(said.answer(f"{FIRST},x=y".encode()), Derive)


def first_with(rounds: str) -> bytes:
    return f"r={NONCE}theirs,s=QSXCR+Q6sek8bf92,i={rounds}".encode()


@pytest.mark.parametrize(
    ("rounds", "count"),
    [
        (str(MAX_ROUNDS + 1), MAX_ROUNDS + 1),
        ("10000000", 10_000_000),
        ("9" * 5000, "999999999999..."),  # more digits than Python turns into a number
    ],
)
@pytest.mark.parametrize("encrypted", [True, False])
def test_too_many_rounds_are_refused_at_once(
    rounds: str, count: int | str, encrypted: bool
) -> None:
    said = exchange("SCRAM-SHA-256", over=link(encrypted=encrypted))
    said.drop_initial_response()
    began = time.process_time()
    with pytest.raises(ChallengeRefused) as caught:
        said.answer(first_with(rounds))
    assert time.process_time() - began < 0.5
    assert caught.value.kind is FaultKind.SCRAM_ROUNDS
    assert caught.value.parameters == {"count": count}


def test_the_most_rounds_are_still_computed() -> None:
    said = exchange("SCRAM-SHA-256")
    said.drop_initial_response()
    step = said.answer(first_with(str(MAX_ROUNDS)))
    assert isinstance(step, Derive)
    assert step.rounds == MAX_ROUNDS


def test_few_rounds_are_a_warning_over_tls_and_the_end_in_the_clear() -> None:
    few = first_with(str(MIN_ROUNDS - 1))
    said = exchange("SCRAM-SHA-1")
    said.drop_initial_response()
    assert isinstance(said.answer(few), Derive)
    assert said.oddities == [Oddity("auth.scram-rounds-low", Stage.AUTH, f"i={MIN_ROUNDS - 1}")]
    clear = exchange("SCRAM-SHA-1", over=link(encrypted=False))
    clear.drop_initial_response()
    with pytest.raises(ChallengeRefused) as caught:
        clear.answer(few)
    assert caught.value.kind is FaultKind.SCRAM_ROUNDS


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"v=",
        b"v=ZmFsc2U=",
        b"v=\xff",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4",
        b"V=" + base64.b64encode(bytes(32)),
        b"x=1,v=" + base64.b64encode(bytes(32)),
    ],
)
def test_a_false_proof_is_refused(final: bytes) -> None:
    said = exchange("SCRAM-SHA-256")
    said.drop_initial_response()
    answer(said, FIRST)
    with pytest.raises(ChallengeRefused) as caught:
        answer(said, final)
    assert caught.value.kind is FaultKind.SERVER_PROOF
    assert not said.is_server_proven


@pytest.mark.parametrize(("password", "is_odd"), [("pöncil", False), ("№ 1", True)])
def test_a_password_that_changes_when_prepared_is_remarked_upon(
    password: str, is_odd: bool
) -> None:
    said = exchange("SCRAM-SHA-256", password=password)
    said.drop_initial_response()
    answer(said, FIRST)
    assert [oddity.kind for oddity in said.oddities] == ["auth.nonascii"] * is_odd


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_words_of_a_server_do_more_than_refuse(first: bytes, final: bytes) -> None:
    said = exchange("SCRAM-SHA-1")
    said.drop_initial_response()
    for challenge in (first, FIRST.encode(), final):
        try:
            answer(said, challenge)
        except ChallengeRefused:
            break
    assert not said.is_server_proven


def test_work_for_a_thread_does_not_show_the_password() -> None:
    said = exchange("SCRAM-SHA-256", password="correct horse")
    said.drop_initial_response()
    assert "correct horse" not in repr(said.answer(FIRST.encode()))
