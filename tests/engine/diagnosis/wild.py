"""What real servers answer, in many words and codes: ``replies_in_the_wild.tsv`` as evidence.

The texts are those of the servers as far as they are facts about them (with example names and
addresses put in), the others are wordings of our own that a server could well use. ``host`` is
given where the provider matters, and ``\\n`` parts the lines of a reply.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from smtpcheck.engine.evidence import Evidence
from smtpcheck.engine.stages import Stage
from tests.engine.diagnosis.sightings import SEALED, fault, seen

BEFORE_TLS = frozenset({Stage.GREETING, Stage.EHLO, Stage.STARTTLS})
# What a server says of a connection that is not encrypted.
IN_THE_CLEAR = frozenset({"tls.starttls-required", "auth.needs-tls"})


@dataclass(frozen=True, slots=True)
class Said:
    """One reply at one stage, and the diagnosis that it should lead to."""

    id: str
    stage: Stage
    host: str
    text: str

    def evidence(self, text: str = "") -> Evidence:
        """What a test has seen that this reply ended, or the same in another form."""
        is_clear = self.stage in BEFORE_TLS or self.id in IN_THE_CLEAR
        return seen(
            fault(self.stage, text or self.text),
            host=self.host or "mx.example.org",
            mechanism="PLAIN",
            tls=None if is_clear else SEALED,
        )


def _read() -> list[Said]:
    path = Path(__file__).with_name("replies_in_the_wild.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Said(row["id"], Stage(row["stage"]), row["host"], row["reply"].replace("\\n", "\n"))
            for row in rows
        ]


REPLIES = _read()
