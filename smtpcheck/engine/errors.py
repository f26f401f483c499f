"""The exceptions of the engine.

Knows nothing of the other modules. What a server does is evidence, not an exception, so this
family is short: it names only what stops a test before the network is touched. Nothing here
leaves ``check()``.
"""

from __future__ import annotations


class EngineError(Exception):
    """Root of everything the engine raises."""


class Refused(EngineError, ValueError):
    """A value cannot be tested, so not a single packet is sent.

    ``diagnosis_id`` is an id of the catalogue, ``parameters`` fill its text. The parameters never
    hold a secret nor the value that was refused where that could hold one.
    """

    def __init__(self, diagnosis_id: str, /, **parameters: str | int) -> None:
        super().__init__(diagnosis_id)
        self.diagnosis_id = diagnosis_id
        self.parameters = parameters

    def __str__(self) -> str:
        detail = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.diagnosis_id} ({detail})" if detail else self.diagnosis_id
