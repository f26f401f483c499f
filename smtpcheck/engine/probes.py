"""Counter-probes: which other ports are asked after a failure, and for how long that is remembered.

Knows evidence, and how a port is asked; opens nothing itself. A test that fails at its port or its
security gets a look at the others, so that the remedy can say "587 with STARTTLS answers: use it".
Who is probed has not asked for it, so the rules are strict. A probe never logs in. None is sent
once the server has told us to go away (421, or a greeting that begins with 4 or 5), nor after a
login was tried, nor where another port could not help: a certificate that is not trusted has to be
put right, and a name, a full disk or a spent budget are no matter of ports. At most three, three
seconds each, to addresses of the same look-up and ports that the policy allows.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from smtpcheck.engine.driver.knock import Question
from smtpcheck.engine.driver.probing import Place
from smtpcheck.engine.evidence import Evidence, Fault, FaultKind, Probe
from smtpcheck.engine.plan import Plan
from smtpcheck.engine.stages import Security, Stage

# In the order in which a mail program would want them. RFC 8314 section 3.3 and RFC 6409 give the
# first two their security; 2525 is what hosting providers open where 25 is blocked.
USUAL_PORTS: tuple[Question, ...] = (
    Question(587, Security.STARTTLS),
    Question(465, Security.TLS),
    Question(2525, Security.STARTTLS),
    Question(25, Security.STARTTLS),
)

# The port between servers: never TLS on connect, and not the place for a login.
SERVER_PORT = 25

# Long enough for everybody who looks at one outage, short enough for one who repairs it.
KEPT_SECONDS = 600.0
# About 2 KB each.
MAX_KEPT = 1024
# An honest greeting and EHLO reply have a tenth of this.
MAX_KEPT_CHARACTERS = 8 * 1024

_STREAM = frozenset({FaultKind.TIMEOUT, FaultKind.CLOSED, FaultKind.RESET})
_WRONG_SERVICE = frozenset({FaultKind.BAD_REPLY, FaultKind.TOO_MUCH, FaultKind.OUT_OF_STEP})
_NO_TLS = frozenset({FaultKind.NOT_TLS, FaultKind.HANDSHAKE})

# The failures after which another port can be the answer.
_WORTH_ASKING: dict[Stage, frozenset[FaultKind]] = {
    Stage.CONNECT: _STREAM | {FaultKind.REFUSED, FaultKind.UNREACHABLE},
    Stage.GREETING: _STREAM | _WRONG_SERVICE,
    Stage.STARTTLS: _STREAM
    | _WRONG_SERVICE
    | {FaultKind.NOT_OFFERED, FaultKind.REPLY, FaultKind.REFUSED_HERE},
    Stage.TLS: _STREAM | _NO_TLS | {FaultKind.TOO_MUCH, FaultKind.INJECTION},
}


class Probes:
    """Chooses the questions and shares the answers among the tests of this process.

    ``usual`` are the ports worth asking, the best first; ``clock`` counts seconds.
    """

    def __init__(
        self,
        usual: Sequence[Question] = USUAL_PORTS,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_kept: int = MAX_KEPT,
    ) -> None:
        self._usual = tuple(usual)
        self._clock = clock
        self._max_kept = max_kept
        self._kept: OrderedDict[Place, tuple[float, Probe]] = OrderedDict()
        self._asked_now: set[Place] = set()
        self._lock = threading.Lock()  # tests of several threads share one of these

    def while_silent(self, plan: Plan) -> Question | None:
        """TLS on the same port, where a server that waits for TLS would be as silent."""
        target = plan.target
        if target.security is Security.TLS or target.port == SERVER_PORT:
            return None
        return Question(target.port, Security.TLS)

    def after(self, evidence: Evidence) -> Sequence[Question]:
        """The same port asked the other way, then the usual ports that the test did not try."""
        fault = evidence.fault
        if fault is None or not is_worth_asking(evidence):
            return ()
        others = [question for question in self._usual if question.port != evidence.port]
        if not evidence.username:  # servers take mail without a login at the port between servers
            others.sort(key=lambda question: question.port != SERVER_PORT)
        return (*_other_way(fault, evidence), *others)

    def recall(self, place: Place) -> Probe | None:
        """What a port said within the last ten minutes."""
        with self._lock:
            kept = self._kept.get(place)
            if kept is None or self._clock() - kept[0] >= KEPT_SECONDS:
                self._kept.pop(place, None)
                return None
            return kept[1]._replace(remembered=True)

    def begin(self, place: Place) -> bool:
        """Say whether a port may be asked now; not while another test is asking it."""
        with self._lock:
            is_free = place not in self._asked_now
            self._asked_now.add(place)
            return is_free

    def end(self, place: Place) -> None:
        """Say that a port that was begun is not being asked any more."""
        with self._lock:
            self._asked_now.discard(place)

    def remember(self, place: Place, probe: Probe) -> None:
        """Keep what a port said, and forget the oldest of too many."""
        if _characters(probe) > MAX_KEPT_CHARACTERS:
            return
        with self._lock:
            self._kept[place] = (self._clock(), probe)
            self._kept.move_to_end(place)
            while len(self._kept) > self._max_kept:
                self._kept.popitem(last=False)


# Shared by the whole process.
USUAL = Probes()


def is_worth_asking(evidence: Evidence) -> bool:
    """Say whether other ports may and should be asked after a test ended so."""
    fault = evidence.fault
    if fault is None or _was_sent_away(fault, evidence):
        return False
    if fault.stage is Stage.AUTH:  # what EHLO showed: nothing of the login has been sent
        return fault.kind is FaultKind.NOT_OFFERED and fault.detail == "AUTH"
    return fault.kind in _WORTH_ASKING.get(fault.stage, frozenset())


def _was_sent_away(fault: Fault, evidence: Evidence) -> bool:
    """Whether the server has said 421, or refused us in its first words, whole or cut short."""
    codes = [item.reply.code for item in evidence.replies]
    if fault.reply is not None:
        codes.append(fault.reply.code)
    first = fault.raw if fault.kind is FaultKind.NOT_TLS else evidence.first_bytes
    return 421 in codes or first[:1] in (b"4", b"5")


def _other_way(fault: Fault, evidence: Evidence) -> tuple[Question, ...]:
    """The same port, asked in clear where TLS failed, and by TLS where clear text did."""
    if fault.stage is Stage.TLS and evidence.security is Security.TLS:
        starts_like_mail = fault.kind is not FaultKind.NOT_TLS or fault.raw.startswith(b"220")
        return (Question(evidence.port, Security.STARTTLS),) if starts_like_mail else ()
    is_dumb = fault.stage is Stage.GREETING and fault.kind in _STREAM and not evidence.first_bytes
    if is_dumb and evidence.security is not Security.TLS and evidence.port != SERVER_PORT:
        return (Question(evidence.port, Security.TLS),)
    if evidence.first_bytes.startswith(b"\x15\x03") and evidence.port != SERVER_PORT:
        return (Question(evidence.port, Security.TLS),)  # a TLS alert in answer to nothing
    return ()


def _characters(probe: Probe) -> int:
    greeting = probe.greeting.text if probe.greeting else ""
    return len(greeting) + sum(map(len, probe.capabilities)) + len(probe.detail)
