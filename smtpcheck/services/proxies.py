"""The outgoing proxies of the settings, by the names that accounts know them by."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from smtpcheck.conf import conf
from smtpcheck.engine.errors import Refused
from smtpcheck.engine.proxy import Proxy, parse_proxies


def configured_proxies() -> dict[str, Proxy]:
    """Return the proxies by name; ImproperlyConfigured tells an entry that is none."""
    try:
        return parse_proxies(conf().PROXIES)
    except ValueError as error:
        raise ImproperlyConfigured(f"SMTPCHECK_PROXIES: {error}") from None


def proxy_named(name: str) -> Proxy | None:
    """Return the proxy of a name, None for no name.

    Raises Refused for a name that the settings do not have: a test that should go through a proxy
    must not go straight.
    """
    if not name:
        return None
    proxy = configured_proxies().get(name)
    if proxy is None:
        raise Refused("config.proxy-unknown", proxy=name)
    return proxy
