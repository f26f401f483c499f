"""What can go wrong with the sandbox itself; what a client does is never an error here."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot do what it was asked to do."""


class ListenError(SandboxError, OSError):
    """A listener could not take its address: the port is in use, or is not ours to take."""

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        super().__init__(cause.errno, cause.strerror)
        self.host = host
        self.port = port

    def __str__(self) -> str:
        return f"cannot listen on {self.host} port {self.port}: {self.strerror}"


class UnknownFaultError(SandboxError, ValueError):
    """No fault has this name, and it is no ``stage=reply`` either."""

    def __init__(self, spec: str) -> None:
        super().__init__(spec)
        self.spec = spec

    def __str__(self) -> str:
        return f"no fault is called {self.spec!r}"
