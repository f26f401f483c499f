"""What the machine knows of an account.

In a table of its own, so that saving a form of the account never overwrites a fresh state or lease.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from smtpcheck.engine.stages import Goal, Verdict
from smtpcheck.models.account import SmtpAccount
from smtpcheck.models.choices import GOAL_CHOICES, STATE_CHOICES, UNTESTED, one_of
from smtpcheck.models.result import SmtpTestResult

_DEPTH = {"": 0, Goal.LOGIN.value: 1, Goal.RECIPIENT.value: 2, Goal.CONTENT.value: 3}

# What a test that was not run, or not to its end, says of an account: nothing at all.
_SAYS_NOTHING = frozenset({"tool.budget", "tool.interrupted"})


class SmtpAccountStateManager(models.Manager["SmtpAccountState"]):
    """How states follow their accounts and results."""

    def follow(self, account: SmtpAccount) -> None:
        """Bring a state in line with an account that was saved: make it, reset it, pause it."""
        now = timezone.now()
        digest = account.test_digest()
        state, is_new = self.get_or_create(
            account=account,
            defaults={"digest": digest, "next_check_at": None if account.paused else now},
        )
        if is_new:
            return
        if state.digest != digest:
            self.filter(pk=account.pk).update(
                verdict=UNTESTED,
                since=now,
                goal="",
                digest=digest,
                inconclusive_since=None,
                inconclusive_count=0,
            )
        if account.paused and state.next_check_at is not None:
            self.filter(pk=account.pk).update(next_check_at=None)
        elif not account.paused and state.next_check_at is None:
            self.filter(pk=account.pk).update(next_check_at=now)

    def record(self, result: SmtpTestResult) -> bool:
        """Write a finished result into the state of its account; False if it says nothing of it.

        Call inside a transaction. A result counts only if the account still is what was tested,
        and if no test that began later has been recorded already.
        """
        if result.account_id is None or not result.digest:
            return False
        if result.diagnosis_id in _SAYS_NOTHING:
            return False
        state = (
            self.select_for_update(of=("self",))
            .select_related("account", "last_result")
            .filter(pk=result.account_id)
            .first()
        )
        if state is None or state.account.test_digest() != result.digest:
            return False
        if state.last_result is not None and state.last_result.started_at > result.started_at:
            return False
        state.take(result)
        state.save()
        return True


class SmtpAccountState(models.Model):
    """What tests have shown of an account, and when it is tested next."""

    account = models.OneToOneField(
        SmtpAccount, primary_key=True, on_delete=models.CASCADE, related_name="state"
    )
    # From conclusive results only.
    verdict = models.CharField(_("verdict"), max_length=16, choices=STATE_CHOICES, default=UNTESTED)
    since = models.DateTimeField(_("since"), default=timezone.now)
    # How deep the verdict reaches: a shallower test that works does not clear a deeper failure.
    goal = models.CharField(_("goal"), max_length=16, choices=GOAL_CHOICES, blank=True, default="")
    # ``SmtpAccount.test_digest`` of what the verdict speaks of.
    digest = models.CharField(max_length=64, blank=True, default="")
    last_result = models.ForeignKey(
        SmtpTestResult,
        verbose_name=_("last result"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    inconclusive_since = models.DateTimeField(_("inconclusive since"), null=True, blank=True)
    inconclusive_count = models.PositiveIntegerField(_("inconclusive results"), default=0)
    # None: paused.
    next_check_at = models.DateTimeField(_("next test"), null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    # What the tests of one destination showed, in memory of which later ones are made. A change of
    # destination forgets it all; a new password, sender or recipient leaves it.
    known_destination = models.CharField(max_length=64, blank=True, default="")
    was_encrypted = models.BooleanField(default=False)
    # The fingerprint of the server's own certificate that was trusted last.
    certificate = models.CharField(max_length=64, blank=True, default="")
    # The lines of the EHLO reply at the last test that worked.
    capabilities = models.JSONField(default=list, blank=True)
    # The server answered a group of commands wrongly once: command by command from now on.
    no_groups = models.BooleanField(default=False)

    objects = SmtpAccountStateManager()

    class Meta:
        verbose_name = _("state of an SMTP account")
        verbose_name_plural = _("states of SMTP accounts")
        default_permissions = ()
        indexes = (
            models.Index(
                fields=["next_check_at"],
                condition=Q(next_check_at__isnull=False),
                name="smtpaccountstate_due",
            ),
        )
        constraints = (
            one_of("verdict", STATE_CHOICES, name="smtpaccountstate_verdict_known"),
            one_of("goal", GOAL_CHOICES, or_empty=True, name="smtpaccountstate_goal_known"),
            models.CheckConstraint(
                condition=Q(inconclusive_since__isnull=True, inconclusive_count=0)
                | Q(inconclusive_since__isnull=False, inconclusive_count__gte=1),
                name="smtpaccountstate_inconclusive_whole",
            ),
            models.CheckConstraint(
                condition=Q(lease_token__isnull=True, lease_until__isnull=True)
                | Q(lease_token__isnull=False, lease_until__isnull=False),
                name="smtpaccountstate_lease_whole",
            ),
        )

    def __str__(self) -> str:
        return str(self.get_verdict_display())

    def take(self, result: SmtpTestResult) -> None:
        """Let a result change this state in memory; see ``SmtpAccountStateManager.record``."""
        self.last_result = result
        self._remember(result)
        if result.verdict == Verdict.INCONCLUSIVE:
            self.inconclusive_since = self.inconclusive_since or result.started_at
            self.inconclusive_count += 1
            return
        self.inconclusive_since, self.inconclusive_count = None, 0
        self.digest = result.digest
        if self.verdict == result.verdict:
            self.goal = max(self.goal, result.goal, key=_DEPTH.__getitem__)
        elif self._is_cleared_by(result):
            self._begin(result.verdict, result.goal, result.started_at)

    def _remember(self, result: SmtpTestResult) -> None:
        """Keep what later tests are compared with; encryption, once seen, is never forgotten here.

        A test that ended before TLS says nothing of it, or whoever cuts one connection could have
        the next password sent in the clear.
        """
        destination = self.account.destination_digest()
        if self.known_destination != destination:
            self.known_destination = destination
            self.was_encrypted = self.no_groups = False
            self.certificate, self.capabilities = "", []
        self.no_groups |= bool(result.evidence.get("refuses_groups"))
        if result.tls is not None:
            self.was_encrypted = True
            self.certificate = (result.tls.get("certificate") or {}).get("fingerprint", "")
        if result.verdict == Verdict.WORKS:
            self.capabilities = result.capabilities

    def _is_cleared_by(self, result: SmtpTestResult) -> bool:
        is_failing = self.verdict == Verdict.FAILS
        return not is_failing or _DEPTH[result.goal] >= _DEPTH[self.goal]

    def _begin(self, verdict: str, goal: str, since: datetime) -> None:
        self.verdict, self.goal, self.since = verdict, goal, since
