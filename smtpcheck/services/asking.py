"""From what a caller asked to what is going to be tested: whose account, whose secret, who to whom.

Reads accounts and settings; writes nothing and sends nothing. What cannot be tested is no exception
here: it is kept in ``Asked.refused``, because it too becomes a row of the history.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from smtpcheck.conf import conf
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import parse_mailbox
from smtpcheck.engine.plan import Route
from smtpcheck.engine.redaction import NeverPickled, Secret
from smtpcheck.engine.stages import Goal, Security
from smtpcheck.engine.uri import SmtpUri, parse_uri
from smtpcheck.models import CLIENT_KEY, PASSWORD, Door, Person, SmtpAccount
from smtpcheck.services.errors import TEST_ACCOUNT, TEST_ANY_TARGET, NotPermitted

# From the least to the strictest. TLS on connect never meets the others: it is another scheme.
_STRICTNESS = (Security.NONE, Security.OPPORTUNISTIC, Security.STARTTLS, Security.TLS)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and through which door; ``user`` None is whoever holds the keys."""

    user: Person
    door: Door

    def may(self, permission: str) -> bool:
        """Say whether the caller has a right."""
        return self.user is None or self.user.has_perm(permission)

    def demand(self, permission: str) -> None:
        """Raise NotPermitted unless the caller has a right."""
        if not self.may(permission):
            raise NotPermitted(permission)


@dataclass(frozen=True, slots=True)
class TargetRequest(NeverPickled):
    """A target as a caller names it; any text is taken, and judged by the test.

    ``recipient``, ``ca_bundle``, ``proxy`` (a name of the settings), ``password`` and the client
    certificate with its key are for callers that hold the keys.
    """

    uri: str | None = field(repr=False)
    sender: str | None
    use_stored_password: bool = False
    recipient: str | None = None
    ca_bundle: str | None = None
    proxy: str | None = None
    password: Secret | None = None
    client_certificate: str | None = None
    client_key: Secret | None = None


@dataclass(slots=True, kw_only=True)
class Asked:
    """What a test is asked to do, as far as it could be understood.

    ``digest`` is the account's own if it is tested exactly as it is saved, else "": only then does
    the result say anything of the account.
    """

    goal: Goal
    account: SmtpAccount | None = None
    host: str = ""
    port: int = 0
    security: Security | None = None
    username: str = ""
    password: Secret | None = None
    mechanism: str = ""
    uses_stored_secret: bool = False
    sender: str = ""
    recipient: str = ""
    ehlo_name: str = ""
    ca_bundle: str = ""
    pin: str = ""
    proxy: str = ""
    client_certificate: str = ""
    client_key: Secret | None = None
    digest: str = ""
    route: Route = field(default_factory=Route)
    refused: Refused | None = None

    def by(self, route: Route) -> Asked:
        """The same by a route; a way that others would not go says nothing of the account."""
        self.route = route
        if route.family or route.source_address:
            self.digest = ""
        return self

    @property
    def is_at_account(self) -> bool:
        """Whether the test goes to the account's server the same way, and trusts the same there."""
        account = self.account
        if account is None:
            return False
        return (self.ca_bundle, self.proxy) == (account.ca_bundle, account.proxy)


def ask_account(account: SmtpAccount, caller: Caller, goal: Goal | None) -> Asked:
    """Return what testing a saved account means; raises NotPermitted."""
    caller.demand(TEST_ACCOUNT)
    if not _may_use(account, caller):
        raise NotPermitted(TEST_ACCOUNT)
    asked = Asked(goal=goal or Goal(account.goal), host=account.host, port=account.port)
    asked.security = Security(account.security)
    asked.username = account.username
    _take_from_account(asked, account)
    asked.sender = _own_sender(account)
    asked.recipient = account.recipient or conf().TEST_RECIPIENT or asked.sender
    asked.digest = account.test_digest()
    asked.uses_stored_secret = True
    try:
        asked.password = account.reveal_secret(PASSWORD)
        _take_client_certificate(asked, account)
    except Refused as refused:
        asked.refused = refused
    return asked


def ask_target(request: TargetRequest, caller: Caller, goal: Goal) -> Asked:
    """Return what testing a target means; raises NotPermitted."""
    if not caller.may(TEST_ACCOUNT):
        caller.demand(TEST_ANY_TARGET)
    asked = Asked(goal=goal, sender=(request.sender or "").strip())
    asked.ehlo_name = conf().EHLO_NAME
    try:
        _understand(asked, request, caller)
    except Refused as refused:
        asked.refused = refused
    return asked


def _understand(asked: Asked, request: TargetRequest, caller: Caller) -> None:
    uri = parse_uri(request.uri or "")
    asked.host, asked.port, asked.security = uri.host, uri.port, uri.security
    asked.username = uri.username
    account = _matching_account(uri, request, caller)
    if account is None:
        caller.demand(TEST_ANY_TARGET)
    else:
        asked.username = account.username
        asked.security = max(uri.security, Security(account.security), key=_STRICTNESS.index)
        _take_from_account(asked, account)
    asked.ca_bundle = request.ca_bundle or asked.ca_bundle
    asked.proxy = request.proxy or asked.proxy
    asked.client_certificate = request.client_certificate or ""
    asked.client_key = request.client_key
    _choose_password(asked, request, uri)
    _choose_sender(asked, caller)
    _choose_recipient(asked, request)
    if account is not None and _is_as_saved(asked, account):
        asked.digest = account.test_digest()


def _matching_account(uri: SmtpUri, request: TargetRequest, caller: Caller) -> SmtpAccount | None:
    """The one account that is meant; raises Refused where that is not clear."""
    found: list[SmtpAccount] = []
    if caller.may(TEST_ACCOUNT) and SmtpAccount.objects.is_any_at(uri.host, uri.port):
        # Without a user name a request for the stored password goes by host and port alone.
        username = None if request.use_stored_password and not uri.username else uri.username
        known = SmtpAccount.objects.usable_by(caller.user)
        found = list(known.matching(uri.scheme, uri.host, uri.port, username)[:2])
    if len(found) > 1:
        raise Refused("config.account-ambiguous", host=uri.host, port=uri.port)
    if not found and request.use_stored_password:
        raise Refused("config.secret-not-found", host=uri.host, port=uri.port)
    if not found:
        return None
    is_other_scheme = (uri.scheme == "smtps") != (found[0].security == Security.TLS.value)
    if is_other_scheme:  # found by host and port; the secret was saved for another security
        raise Refused("config.secret-destination-changed", host=uri.host, port=uri.port)
    return found[0]


def _take_from_account(asked: Asked, account: SmtpAccount) -> None:
    asked.account = account
    asked.mechanism = account.auth_mechanism
    asked.ehlo_name = account.ehlo_name or conf().EHLO_NAME
    asked.ca_bundle, asked.pin = account.ca_bundle, account.pin
    asked.proxy = account.proxy


def _take_client_certificate(asked: Asked, account: SmtpAccount) -> None:
    """Only together with the other stored secrets: it says as much of who calls as a password."""
    if account.client_certificate:
        asked.client_certificate = account.client_certificate
        asked.client_key = account.reveal_secret(CLIENT_KEY)


def _choose_password(asked: Asked, request: TargetRequest, uri: SmtpUri) -> None:
    """The stored one wins over one that was typed in, and goes nowhere but where it was saved for.

    A CA bundle or a proxy of the caller's own would let another server pass for that place.
    """
    if not request.use_stored_password or asked.account is None:
        asked.password = request.password or uri.password
        return
    own = asked.account.ca_bundle, asked.account.proxy
    if (asked.ca_bundle, asked.proxy) != own:
        raise Refused("config.secret-destination-changed", host=uri.host, port=uri.port)
    asked.uses_stored_secret = True
    asked.password = asked.account.reveal_secret(PASSWORD)
    _take_client_certificate(asked, asked.account)
    if asked.password is None and asked.client_key is None:
        raise Refused("config.secret-not-found", host=uri.host, port=uri.port)


def _choose_sender(asked: Asked, caller: Caller) -> None:
    """The sender asked for, else the account's; another one than these takes a right of its own."""
    account = asked.account
    if not asked.sender:
        asked.sender = _own_sender(account) if account else _as_address(asked.username)
        if not asked.sender and asked.goal is not Goal.LOGIN:
            raise Refused("config.sender-missing")
        return
    sender = parse_mailbox(asked.sender).address
    if account is not None and sender.casefold() not in _own_addresses(account):
        caller.demand(TEST_ANY_TARGET)


def _choose_recipient(asked: Asked, request: TargetRequest) -> None:
    """With a stored secret never the sender of the request: that could be anybody's mailbox."""
    account = asked.account
    own = account.recipient if account else ""
    asked.recipient = request.recipient or own or conf().TEST_RECIPIENT
    if asked.recipient:
        return
    if not asked.uses_stored_secret or account is None:
        asked.recipient = asked.sender
        return
    asked.recipient = _own_sender(account)
    if not asked.recipient and asked.goal is not Goal.LOGIN:
        raise Refused("config.recipient-invalid")


def _is_as_saved(asked: Asked, account: SmtpAccount) -> bool:
    own_recipient = account.recipient or conf().TEST_RECIPIENT or _own_sender(account)
    return (
        asked.security == Security(account.security)
        and asked.ca_bundle == account.ca_bundle
        and asked.proxy == account.proxy
        and asked.client_certificate == account.client_certificate
        and _as_address(asked.sender) == _as_address(_own_sender(account))
        and _as_address(asked.recipient) == _as_address(own_recipient)
        and (asked.uses_stored_secret or _uses_same_secret(asked, account))
    )


def _uses_same_secret(asked: Asked, account: SmtpAccount) -> bool:
    if account.client_certificate:
        return False  # which was left out, because it is a stored secret
    if not account.username:
        return True  # nobody logs in
    try:
        return asked.password == account.reveal_secret(PASSWORD)
    except Refused:
        return False


def _own_sender(account: SmtpAccount) -> str:
    return account.sender or _as_address(account.username)


def _own_addresses(account: SmtpAccount) -> set[str]:
    addresses = map(_as_address, (account.sender, account.username))
    return {address.casefold() for address in addresses if address}


def _as_address(text: str) -> str:
    """The address in a text, or "" if it is none."""
    try:
        return parse_mailbox(text).address
    except Refused:
        return ""


def _may_use(account: SmtpAccount, caller: Caller) -> bool:
    return SmtpAccount.objects.usable_by(caller.user).filter(pk=account.pk).exists()
