"""Sealing stored secrets anew under the first key of the ring, so that older keys can go.

In batches, each a short transaction: a process that is killed has done some of the work and broken
none of it, and the next run goes on with what is left. A secret that does not open stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.db import transaction

from smtpcheck.conf import require_runtime
from smtpcheck.engine.errors import Refused
from smtpcheck.models import SECRET_KINDS, SmtpAccount
from smtpcheck.services import auditing
from smtpcheck.services.asking import Caller

BATCH_SIZE = 200


@dataclass(frozen=True, slots=True)
class Unopened:
    """A stored secret that does not open, and the diagnosis why."""

    account: str
    kind: str
    key_id: str
    diagnosis_id: str


@dataclass(slots=True)
class Resealing:
    """How far it has come: secrets in all that are not under the first key, and done."""

    total: int
    resealed: int = 0
    unopened: list[Unopened] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many have been looked at."""
        return self.resealed + len(self.unopened)


def reseal_secrets(
    progress: Callable[[Resealing], None] = lambda _: None,
    *,
    batch_size: int = BATCH_SIZE,
    caller: Caller = auditing.KEY_HOLDER,
) -> Resealing:
    """Seal every secret that an older key sealed under the first one; returns what came of it.

    ``progress`` is told after each batch. Safe to run twice, also at the same time.
    """
    require_runtime()
    state = Resealing(
        total=sum(SmtpAccount.objects.outdated(kind).count() for kind in SECRET_KINDS)
    )
    if state.total:  # written first, so that a run that is killed is told of as well
        auditing.keys_rotated(caller, SmtpAccount.objects.first_key_id(), state.total)
    for kind in SECRET_KINDS:
        for batch in _batches(kind, batch_size):
            _reseal_batch(kind, batch, state)
            progress(state)
    return state


def find_unopened() -> Iterator[Unopened]:
    """Yield every stored secret that does not open, whichever key sealed it; changes nothing."""
    require_runtime()
    for kind in SECRET_KINDS:
        for account in (
            SmtpAccount.objects.holding(kind).order_by("pk").iterator(chunk_size=BATCH_SIZE)
        ):
            try:
                account.reveal_secret(kind)
            except Refused as refused:
                yield _unopened(account, kind, refused)


def count_outdated() -> int:
    """Return how many secrets are sealed under another key than the first."""
    return sum(SmtpAccount.objects.outdated(kind).count() for kind in SECRET_KINDS)


def _batches(kind: str, size: int) -> Iterator[list[SmtpAccount]]:
    """The accounts with an outdated secret, by key: one that does not open is passed once only."""
    rows = SmtpAccount.objects.outdated(kind).order_by("pk")
    batch = list(rows[:size])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:size])


def _reseal_batch(kind: str, batch: list[SmtpAccount], state: Resealing) -> None:
    with transaction.atomic():
        for account in batch:
            try:
                state.resealed += account.reseal_secret(kind)
            except Refused as refused:
                state.unopened.append(_unopened(account, kind, refused))


def _unopened(account: SmtpAccount, kind: str, refused: Refused) -> Unopened:
    key_id = getattr(account, f"{kind}_key_id")
    return Unopened(str(account), kind, key_id, refused.diagnosis_id)
