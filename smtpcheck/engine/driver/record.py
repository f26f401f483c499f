"""What one test has seen so far, and as evidence every word of it as it may be shown.

Knows evidence and the transcript, no socket. What the server said is masked here on its way into
the evidence; the session works with what it really said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smtpcheck.engine.capabilities import Capabilities
from smtpcheck.engine.dane import contradicts
from smtpcheck.engine.driver.clock import Clock
from smtpcheck.engine.evidence import (
    Attempt,
    Certificate,
    Defect,
    Evidence,
    Fault,
    LookUp,
    Oddity,
    Probe,
    Reply,
    Rung,
    StageReply,
    Tls,
)
from smtpcheck.engine.notes import notes_of
from smtpcheck.engine.plan import LoginPlan, Plan
from smtpcheck.engine.redaction import MASK, Redactor
from smtpcheck.engine.replies import FIRST_BYTES, ReplyReader
from smtpcheck.engine.stages import Stage
from smtpcheck.engine.transcript import Dialogue, Transcript


class Record:
    """Collects the evidence of one test."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        secrets = [plan.credentials.password] if isinstance(plan, LoginPlan) else []
        if plan.route.proxy is not None:
            secrets.append(plan.route.proxy.password)
        self._transcript = Transcript(Redactor(secrets))
        self._last_reply = StageReply(Stage.GREETING, Reply(0, ()))
        self._oddities: list[Oddity] = []
        self._clear: tuple[str, ...] = ()
        self._capabilities: tuple[str, ...] = ()
        self.tls: Tls | None = None
        self.chain: tuple[Certificate, ...] = ()
        self.chain_ders: tuple[bytes, ...] = ()
        self.defects: tuple[Defect, ...] = ()
        self.asked_for_certificate = False
        self.mechanism = ""
        self.message_id = ""
        self.ehlo_name = plan.ehlo_name
        self.address = ""
        self.local_address = ""
        self.ungrouped: Fault | None = None
        self._probes: tuple[Probe, ...] = ()
        self._look_ups: tuple[LookUp, ...] = ()
        self.policy_lines: tuple[str, ...] = ()

    def restart(self) -> None:
        """Forget what a connection showed of itself: another one shows it anew."""
        self.tls = None
        self._clear = self._capabilities = ()
        self.chain, self.chain_ders, self.defects = (), (), ()

    @property
    def last_code(self) -> int:
        """The code of the last reply, or 0."""
        return self._last_reply.reply.code

    def note(self, text: str) -> None:
        """Record something that happened outside the dialogue."""
        self._transcript.note(self._clock.seconds, text)

    def sent(self, *shown: str) -> None:
        """Record lines we send, in the form that may be shown."""
        now = self._clock.seconds
        for line in shown:
            self._transcript.sent(now, line)

    def received(self, stage: Stage, reply: Reply, *, veiled: bool = False) -> None:
        """Record a reply; of a veiled one that refuses nothing, only its code."""
        if veiled and reply.code < 400:
            reply = Reply(reply.code, (MASK,))
        self._last_reply = StageReply(stage, reply)
        self._transcript.received(self._clock.seconds, self._last_reply)

    def unreadable(self, raw: bytes) -> bytes:
        """Record bytes that were no reply; return the first of them as they may be shown."""
        self._transcript.unreadable(self._clock.seconds, raw)
        return self._first_of(raw)

    def _first_of(self, raw: bytes) -> bytes:
        """Masked first and cut then: half a secret is not found."""
        return self._transcript.safe_bytes(raw)[:FIRST_BYTES]

    def learned(self, capabilities: Capabilities) -> None:
        """Record what an EHLO reply offers; what was offered before TLS is kept apart."""
        if self.tls is None and self._plan.target.security.may_upgrade:
            self._clear = capabilities.lines
        else:
            self._capabilities = capabilities.lines

    def odd(self, oddity: Oddity) -> None:
        """Record something that is not by the book."""
        self._oddities.append(oddity)

    def probed(self, probes: Sequence[Probe]) -> None:
        """Record counter-probes, each masked here, because it may come from another test."""
        self._probes = tuple(map(self._safe_probe, probes))
        for probe in self._probes:
            said = f": {probe.greeting}" if probe.greeting else ""
            ended = probe.outcome if probe.answers else f"{probe.stage.value} {probe.outcome}"
            self.note(f"probe of port {probe.port} by {probe.security.value}: {ended}{said}")

    def looked_up(self, look_ups: Sequence[LookUp]) -> None:
        """Record what the name servers said after a failure, and what contradicts the chain."""
        self._look_ups = tuple(map(self._safe_look_up, look_ups))
        for item in self._look_ups:
            self.note(f"look-up of {item}")
            if item.type == "TLSA" and item.secure and contradicts(item.records, self.chain_ders):
                self.odd(Oddity("tls.dane", Stage.TLS, str(item)))

    def _safe_look_up(self, item: LookUp) -> LookUp:
        (canonical,) = self._transcript.safe_lines((item.canonical,))
        return item._replace(canonical=canonical, records=self._transcript.safe_lines(item.records))

    def _safe_probe(self, probe: Probe) -> Probe:
        greeting = probe.greeting and self._transcript.safe_reply(Stage.GREETING, probe.greeting)
        (detail,) = self._transcript.safe_lines((probe.detail,))
        capabilities = self._transcript.safe_lines(probe.capabilities)
        return probe._replace(greeting=greeting, detail=detail, capabilities=capabilities)

    def safe_fault(self, fault: Fault) -> Fault:
        """Return a fault as it may be shown: the session's has the reply as it came.

        Its parameters can be the server's words too.
        """
        if fault.reply is None:
            return fault
        return replace(
            fault,
            reply=self._transcript.safe_reply(fault.stage, fault.reply),
            parameters={
                name: self._transcript.safe_text(fault.stage, value)
                if isinstance(value, str)
                else value
                for name, value in fault.parameters.items()
            },
        )

    def evidence(
        self,
        *,
        attempts: list[Attempt],
        ladder: tuple[Rung, ...],
        reader: ReplyReader | None,
        fault: Fault | None,
    ) -> Evidence:
        """Return everything seen, as one frozen record."""
        plan, target = self._plan, self._plan.target
        opening = reader.first_bytes if reader else b""
        dialogue = self._dialogue(opening)
        return Evidence(
            host=target.host,
            port=target.port,
            security=target.security,
            goal=plan.goal,
            username=plan.credentials.username if isinstance(plan, LoginPlan) else "",
            sender=plan.sender.address,
            recipient=plan.recipient.address,
            ehlo_name=self.ehlo_name,
            proxy=plan.route.proxy.name if plan.route.proxy else "",
            attempts=tuple(attempts),
            address=self.address,
            local_address=self.local_address,
            capabilities_clear=self._safe_lines(self._clear, dialogue),
            capabilities=self._safe_lines(self._capabilities, dialogue),
            tls=self.tls,
            chain=self.chain,
            defects=self.defects,
            asked_for_certificate=self.asked_for_certificate,
            sent_certificate=bool(target.client_certificate) and self.asked_for_certificate,
            mechanism=self.mechanism,
            message_id=self.message_id,
            first_bytes=opening[:FIRST_BYTES] if dialogue.is_harmless else self._first_of(opening),
            replies=dialogue.replies,
            ladder=ladder,
            oddities=self._all_oddities(reader, dialogue),
            refuses_groups=self.ungrouped is not None,
            fault=fault,
            transcript=dialogue.text,
            probes=self._probes,
            look_ups=self._look_ups,
            policy_lines=self.policy_lines,
        )

    def _dialogue(self, opening: bytes) -> Dialogue:
        """What was said, searched together with all else that is the server's words."""
        return self._transcript.dialogue(
            (
                opening.decode("utf-8", "backslashreplace"),
                "\n".join(self._clear),
                "\n".join(self._capabilities),
                *(oddity.detail for oddity in self._oddities),
            )
        )

    def _all_oddities(self, reader: ReplyReader | None, dialogue: Dialogue) -> tuple[Oddity, ...]:
        return (
            *notes_of(self._plan),
            *(self._safe_oddity(oddity, dialogue) for oddity in self._oddities),
            *self._odd_lines(reader),
            *self._broken_group(),
        )

    def _safe_lines(self, lines: tuple[str, ...], dialogue: Dialogue) -> tuple[str, ...]:
        return lines if dialogue.is_harmless else self._transcript.safe_lines(lines)

    def _safe_oddity(self, oddity: Oddity, dialogue: Dialogue) -> Oddity:
        (detail,) = self._safe_lines((oddity.detail,), dialogue)
        return oddity._replace(detail=detail)

    def _broken_group(self) -> list[Oddity]:
        """What became of a group whose login passed."""
        if self.ungrouped is None or self.ungrouped.stage is Stage.AUTH:
            return []
        fault = self.safe_fault(self.ungrouped)
        detail = str(fault.reply or f"{fault.stage.value}: {fault.kind.value}")
        return [Oddity("proto.pipelining-broken", fault.stage, detail)]

    def _odd_lines(self, reader: ReplyReader | None) -> list[Oddity]:
        stage = self._last_reply.stage
        return [Oddity(kind, stage) for kind in sorted(reader.oddities)] if reader else []
