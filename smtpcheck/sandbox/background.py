"""A sandbox for programs that have no event loop of their own: it runs in a thread."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from smtpcheck.sandbox.server import Sandbox

STOP_SECONDS = 10.0


class BackgroundSandbox:
    """Runs a sandbox in a daemon thread; ``with`` starts and stops it.

    A start that fails raises in the caller what it raised in the thread.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._is_settled = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._failure: OSError | None = None

    def start(self) -> None:
        """Return once all listeners listen and their ports are known."""
        self._thread.start()
        self._is_settled.wait()
        if self._failure:
            self._thread.join(STOP_SECONDS)
            raise self._failure

    def stop(self) -> None:
        """Give the ports back and end the thread."""
        if self._loop and self._end and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._is_settled.set()  # whatever happened: nobody waits for ever

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self.sandbox.start()
        except OSError as failure:
            self._failure = failure
            return
        self._is_settled.set()
        try:
            await self._end.wait()
        finally:
            await self.sandbox.stop()
