"""The web server of the demo, in this process."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import sys
import threading

import uvicorn

# Ctrl-C is to end everything in two seconds; what a browser still holds open is cut then.
GRACE_SECONDS = 1

LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def bind(host: str, port: int) -> socket.socket:
    """Take the port, so that a start that cannot serve ends at once; raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    # The last server's closed connections must not keep us from its port.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def base_url(host: str, port: int) -> str:
    """The address to click, also where the server listens on all addresses."""
    shown = host or LOOPBACK[4]
    with contextlib.suppress(ValueError):  # a name, not an address
        address = ipaddress.ip_address(shown)
        shown = LOOPBACK[address.version] if address.is_unspecified else shown
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def serve(sock: socket.socket) -> None:
    """Serve the project on a bound socket until Ctrl-C or SIGTERM raises KeyboardInterrupt."""
    config = uvicorn.Config(
        "project.asgi:application",
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    # At the end it reports each call that it cuts off, with a traceback; that was meant.
    logging.getLogger("uvicorn.error").addFilter(lambda _record: not server.should_exit)
    server.run(sockets=[sock])


def leave() -> None:
    """End the process; a test that still waits for a server does not hold it up."""
    sys.stdout.flush()
    sys.stderr.flush()
    waiting = [thread for thread in threading.enumerate() if not thread.daemon]
    if len(waiting) > 1:
        # Python would wait for the threads of running views. Their rows are closed as interrupted
        # by the next run, as after any other sudden end.
        os._exit(0)
