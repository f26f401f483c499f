"""TLS contexts for those who must not wait for one in the event loop."""

from __future__ import annotations

import asyncio
import ssl

from smtpcheck.engine.tls import ClientCertificate, Trust, build_context, kept_context


async def context_of(trust: Trust, shows: ClientCertificate | None = None) -> ssl.SSLContext:
    """Return the context for a trust, built in a thread where it is not kept.

    One that shows a client certificate is never kept: it holds a private key.
    """
    context = kept_context(trust) if shows is None else None
    return await asyncio.to_thread(build_context, trust, shows) if context is None else context
