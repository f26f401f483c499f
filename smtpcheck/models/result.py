"""One test and everything it showed: a row of the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from smtpcheck.engine.evidence import visible
from smtpcheck.engine.stages import Owner, Stage, Verdict
from smtpcheck.models.account import MAX_ADDRESS_LENGTH, Person, SmtpAccount
from smtpcheck.models.choices import (
    GOAL_CHOICES,
    SECURITY_CHOICES,
    VERDICT_CHOICES,
    Door,
    one_of,
)
from smtpcheck.models.identifiers import uuid7

RUNNING = "running"
INTERRUPTED = "tool.interrupted"

# What a test whose process died is shown as, and closed with.
_OF_INTERRUPTED = {
    "verdict": Verdict.INCONCLUSIVE.value,
    "owner": Owner.TESTER.value,
    "stage": Stage.CONFIG.value,
    "diagnosis_id": INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Load:
    """How much goes on at a host: tests that run there, and logins that were refused lately.

    ``of_login`` and ``refused_logins`` are those of one user.
    """

    running: int
    of_login: int
    of_free_targets: int
    refused_logins: int


# Parts our advisory locks from those of other programs in the same database.
_LOCK_CLASS = 0x534D5450

_TURN_SQL = "SELECT pg_advisory_xact_lock(%s, hashtext(%s));"

_LOAD_SQL = """
SELECT
  COUNT(*),
  COUNT(*) FILTER (WHERE username = %s),
  COUNT(*) FILTER (WHERE account_id IS NULL),
  (SELECT COUNT(*) FROM {table}
    WHERE host = %s AND username = %s AND stage = %s AND verdict = %s AND started_at >= %s)
FROM {table}
WHERE host = %s AND finished_at IS NULL AND expires_at >= %s
"""


class SmtpTestResultQuerySet(models.QuerySet["SmtpTestResult"]):
    """The questions that are asked about the history."""

    def visible_to(self, user: Person) -> Self:
        """Those of accounts that a user may use, and those that the user asked for.

        Whether the user may look at the history at all is a permission, and the door's to check.
        """
        if user is None or (user.is_active and user.is_superuser):
            return self
        if not user.is_active or user.pk is None:
            return self.none()
        usable = SmtpAccount.objects.usable_by(user).values("pk")
        return self.filter(Q(account__in=usable) | Q(asked_by=user.pk))

    def open(self) -> Self:
        """Those whose test has not ended, or whose process died before it did."""
        return self.filter(finished_at__isnull=True)

    def running(self, now: datetime) -> Self:
        """Those whose test has not ended and still has time."""
        return self.open().filter(expires_at__gte=now)

    def load_at(self, host: str, username: str, now: datetime, since: datetime) -> Load:
        """Count what runs at a host now, and the logins refused there since a moment.

        Transactions that count at one host wait for each other, so that two processes cannot both
        count nine and both open the tenth. On SQLite there is one writer anyway: our transactions
        begin IMMEDIATE.

        Asked before every test, so it is one statement, and written by hand: to build these four
        counts costs the query compiler more than all else that a test asks the database. What makes
        it wait goes out in front of it and not before it: each answer has this thread wait until it
        may run, and all who count at this host with it. It counts what is there after the wait.
        """
        moment = connection.ops.adapt_datetimefield_value
        statement = _LOAD_SQL.format(table=self.model._meta.db_table)  # noqa: SLF001
        values = [
            username,
            *(host, username, Stage.AUTH.value, Verdict.FAILS.value, moment(since)),
            *(host, moment(now)),
        ]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(_TURN_SQL + statement, [_LOCK_CLASS, host, *values])
                cursor.nextset()  # the first is the wait's
            else:
                cursor.execute(statement, values)
            return Load(*cursor.fetchone())

    def overdue(self, now: datetime) -> Self:
        """Those whose test must have died: their time is over and they were never closed."""
        return self.open().filter(expires_at__lt=now)

    def shown_as(self, now: datetime, **wanted: str) -> Self:
        """Those that readers see with these values of verdict, stage, owner and diagnosis_id.

        The verdict may be "running"; an open row whose time is over is shown as interrupted.
        """
        rows = self
        for column, value in wanted.items():
            as_stored = Q(**{column: value}) & ~Q(finished_at=None)
            if column == "verdict" and value == RUNNING:
                as_stored = Q(finished_at=None, expires_at__gte=now)
            overdue = Q(finished_at=None, expires_at__lt=now)
            is_interrupted = _OF_INTERRUPTED[column] == value
            rows = rows.filter(as_stored | overdue if is_interrupted else as_stored)
        return rows

    def close_overdue(self, now: datetime) -> int:
        """Close what died as interrupted, and return how many there were."""
        overdue = self.overdue(now)
        if not overdue.exists():  # asked at every test: a write would take SQLite's one lock
            return 0
        return overdue.update(finished_at=now, confidence="certain", **_OF_INTERRUPTED)


class SmtpTestResult(models.Model):
    """One test: what was asked, by whom, and what it showed.

    Texts for people are stored as an id and parameters, and worded when they are read. Readers use
    the ``shown_`` properties: an open row whose time is over is shown as interrupted.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    # What was asked.
    account = models.ForeignKey(
        SmtpAccount,
        verbose_name=_("account"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="results",
        db_index=False,  # the index with the id behind it serves as well
    )
    account_name = models.CharField(_("account"), max_length=200, blank=True, default="")
    host = models.CharField(_("host"), max_length=253, blank=True, default="")
    port = models.PositiveIntegerField(_("port"), default=0)
    security = models.CharField(
        _("security"), max_length=16, choices=SECURITY_CHOICES, blank=True, default=""
    )
    username = models.CharField(_("user name"), max_length=512, blank=True, default="")
    sender = models.CharField(_("sender"), max_length=MAX_ADDRESS_LENGTH, blank=True, default="")
    recipient = models.CharField(
        _("test recipient"), max_length=MAX_ADDRESS_LENGTH, blank=True, default=""
    )
    ehlo_name = models.CharField(_("EHLO name"), max_length=253, blank=True, default="")
    goal = models.CharField(_("goal"), max_length=16, choices=GOAL_CHOICES)
    # ``SmtpAccount.test_digest`` if the account was tested as it is saved, else "".
    digest = models.CharField(max_length=64, blank=True, default="")

    # By whom, and when.
    door = models.CharField(_("asked through"), max_length=16, choices=Door.choices)
    asked_by = models.ForeignKey(
        get_user_model(),
        verbose_name=_("asked by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    asked_by_name = models.CharField(_("asked by"), max_length=254, blank=True, default="")
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    took_ms = models.PositiveIntegerField(_("took (ms)"), null=True, blank=True)

    # What it showed. The verdict is "" exactly while the row is open.
    verdict = models.CharField(
        _("verdict"), max_length=16, choices=VERDICT_CHOICES, blank=True, default=""
    )
    owner = models.CharField(_("whose turn"), max_length=16, blank=True, default="")
    stage = models.CharField(_("stage"), max_length=16, blank=True, default="")
    diagnosis_id = models.CharField(_("diagnosis"), max_length=64, blank=True, default="")
    diagnosis_parameters = models.JSONField(default=dict, blank=True)
    evidence_line = models.TextField(blank=True, default="")
    confidence = models.CharField(max_length=16, blank=True, default="")
    # {"id", "parameters", "evidence_line", "stage"} each.
    warnings = models.JSONField(default=list, blank=True)
    reply_code = models.PositiveSmallIntegerField(_("reply code"), null=True, blank=True)
    enhanced_code = models.CharField(max_length=16, blank=True, default="")
    reply_text = models.TextField(_("reply"), blank=True, default="")
    # The engine's records as ``evidence.plain`` writes them.
    ladder = models.JSONField(default=list, blank=True)
    capabilities = models.JSONField(default=list, blank=True)
    tls = models.JSONField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    # Where the policy refused: the entries that would have allowed it, one a line. For those who
    # may set policies; it is in no document of the result, because it names addresses.
    policy_lines = models.TextField(blank=True, default="", editable=False)
    # Secrets are masked before they get here.
    transcript = models.TextField(_("dialogue"), blank=True, default="")

    objects = SmtpTestResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("test result")
        verbose_name_plural = _("test results")
        ordering = ("-id",)  # by time: UUIDv7
        indexes = (
            models.Index(F("account"), F("id").desc(), name="smtptestresult_of_account"),
            models.Index(
                fields=["host", "username"],
                condition=Q(finished_at__isnull=True),
                name="smtptestresult_open",
            ),
            models.Index(
                fields=["host", "username", "started_at"],
                condition=Q(stage=Stage.AUTH.value, verdict=Verdict.FAILS.value),
                name="smtptestresult_refused_login",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, verdict="", expires_at__isnull=False)
                | Q(finished_at__isnull=False) & ~Q(verdict=""),
                name="smtptestresult_open_or_judged",
            ),
            models.CheckConstraint(condition=Q(port__lte=65535), name="smtptestresult_port_range"),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.WORKS.value) | Q(diagnosis_id=""),
                name="smtptestresult_works_without_diagnosis",
            ),
            one_of("verdict", VERDICT_CHOICES, or_empty=True, name="smtptestresult_verdict_known"),
            one_of(
                "security", SECURITY_CHOICES, or_empty=True, name="smtptestresult_security_known"
            ),
            one_of("goal", GOAL_CHOICES, name="smtptestresult_goal_known"),
            one_of("door", Door.choices, name="smtptestresult_door_known"),
        )

    def __str__(self) -> str:
        target = f"{self.host}:{self.port}" if self.host else "?"
        return visible(f"{self.account_name or target} {self.started_at:%Y-%m-%d %H:%M:%S}")

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed this row yet."""
        return self.finished_at is None

    @property
    def is_overdue(self) -> bool:
        """Whether this row is open although its test must have ended."""
        return self.is_open and self.expires_at is not None and self.expires_at < timezone.now()

    @property
    def is_interrupted(self) -> bool:
        """Whether the test ended before it was done."""
        return self.is_overdue or self.diagnosis_id == INTERRUPTED

    @property
    def shown_verdict(self) -> str:
        """The verdict, or "running" while the test has time."""
        if self.is_overdue:
            return Verdict.INCONCLUSIVE.value
        return RUNNING if self.is_open else self.verdict

    @property
    def shown_diagnosis_id(self) -> str:
        """The diagnosis, or "" where there is none."""
        return INTERRUPTED if self.is_overdue else self.diagnosis_id

    @property
    def shown_owner(self) -> str:
        """Whose turn it is, or "" where nobody has to act."""
        return Owner.TESTER.value if self.is_overdue else self.owner

    @property
    def shown_stage(self) -> str:
        """Where the test ended; "" while it runs."""
        return Stage.CONFIG.value if self.is_overdue else self.stage

    @property
    def shown_confidence(self) -> str:
        """How sure the diagnosis is; "" where there is none."""
        return "certain" if self.is_overdue else self.confidence
