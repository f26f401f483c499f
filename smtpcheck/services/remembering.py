"""What earlier tests of the same account showed, as the engine takes it."""

from __future__ import annotations

from smtpcheck.engine.plan import Past
from smtpcheck.models import LoginMemory, SmtpAccountState
from smtpcheck.services.asking import Asked


def past_of(asked: Asked, login: str) -> Past:
    """Return what is known of a test's server and login; empty for a target that nobody saved.

    ``login`` is that of ``lockout.login_of``.
    """
    if asked.account is None or not asked.is_at_account:
        return Past()
    known = LoginMemory.objects.recall(login) if login else LoginMemory()
    state = SmtpAccountState.objects.filter(pk=asked.account.pk).first()
    if state is None or state.known_destination != asked.account.destination_digest():
        return Past(login_passed=known.has_passed, refused_logins=known.refused_count)
    return Past(
        was_encrypted=state.was_encrypted,
        certificate=state.certificate,
        capabilities=frozenset(state.capabilities),
        login_passed=known.has_passed,
        refuses_groups=state.no_groups,
        refused_logins=known.refused_count,
    )
