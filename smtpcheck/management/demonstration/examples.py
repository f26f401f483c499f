"""The example accounts: one that works each way, and three that fail for different reasons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.stages import Security
from smtpcheck.management.demonstration.ports import HOST, Ports
from smtpcheck.models import PASSWORD, SmtpAccount
from smtpcheck.sandbox import Authority, DirectoryMailbox, Kind, Listener, Sandbox, Tls

# Opens nothing but the sandbox on this machine. With characters that a URI has to encode, because
# real ones have them.
SANDBOX_PASSWORD = "open: sesame/100%"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An account as it is saved, and the diagnosis that its test has to give ("": works)."""

    name: str
    port: str  # the field of Ports
    security: Security
    username: str
    password: str = SANDBOX_PASSWORD
    expected: str = ""


EXAMPLES = (
    Example(
        name="Example: works over STARTTLS",
        port="starttls",
        security=Security.STARTTLS,
        username="newsletter@example.org",
    ),
    Example(
        name="Example: works over TLS on connect",
        port="tls",
        security=Security.TLS,
        username="shop@example.org",
    ),
    Example(
        name="Example: wrong password",
        port="starttls",
        security=Security.STARTTLS,
        username="support@example.org",
        password="open barley",  # noqa: S106
        expected="auth.invalid",
    ),
    Example(
        name="Example: expired certificate",
        port="expired",
        security=Security.TLS,
        username="billing@example.org",
        expected="tls.cert-expired",
    ),
    Example(
        name="Example: refused port",
        port="refused",
        security=Security.STARTTLS,
        username="alerts@example.org",
        expected="connect.refused",
    ),
)


def sandbox_for(ports: Ports, directory: Path) -> Sandbox:
    """The mail server that the examples are tested against; mails are kept in ``mails``."""
    return Sandbox(
        [
            Listener(port=ports.starttls, tls=Tls.STARTTLS, host=HOST),
            Listener(port=ports.tls, tls=Tls.IMPLICIT, host=HOST),
            Listener(port=ports.expired, tls=Tls.IMPLICIT, certificate=Kind.EXPIRED, host=HOST),
        ],
        logins={example.username: SANDBOX_PASSWORD for example in EXAMPLES},
        authority=Authority.load_or_create(directory),
        mailbox=DirectoryMailbox(directory / "mails"),
    )


def save_examples(ports: Ports) -> None:
    """Save each example under its name; one that is as it should be is left alone."""
    for example in EXAMPLES:
        port = getattr(ports, example.port)
        account = _saved(example, port) or SmtpAccount(name=example.name)
        if _bring_up_to_date(account, example, port):
            account.full_clean()
            account.save()


def _saved(example: Example, port: int) -> SmtpAccount | None:
    """The account of an example; one that a person renamed still has its place on the server."""
    by_name = SmtpAccount.objects.filter(name=example.name)
    renamed = SmtpAccount.objects.filter(host=HOST, port=port, username=example.username)
    return by_name.first() or renamed.first()


def _bring_up_to_date(account: SmtpAccount, example: Example, port: int) -> bool:
    """Set what differs; True if something did."""
    wanted = {
        "host": HOST,
        "port": port,
        "security": example.security.value,
        "username": example.username,
        "sender": example.username,
    }
    differing = {name: value for name, value in wanted.items() if getattr(account, name) != value}
    for name, value in differing.items():
        setattr(account, name, value)
    password = Secret(example.password)
    if not differing and _has_password(account, password):
        return False
    account.set_secret(PASSWORD, password)
    return True


def _has_password(account: SmtpAccount, password: Secret) -> bool:
    try:
        return account.reveal_secret(PASSWORD) == password
    except Refused:
        return False  # sealed with a key that is gone
