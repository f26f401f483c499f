"""The administrator of the demo: one random password, kept where curl can read it."""

from __future__ import annotations

import netrc
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth import get_user_model

from smtpcheck.management.demonstration.files import write_private

USERNAME = "admin"


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks; ``path`` is the netrc file that holds the password."""

    password: str = field(repr=False)
    path: Path
    username: str = USERNAME


def kept_login(path: Path, host: str) -> Login:
    """The login in a netrc file; made there first, and extended if it does not name the host."""
    password = _password_in(path) or secrets.token_urlsafe(12)
    hosts = sorted({"127.0.0.1", "localhost", host})
    entries = [f"machine {name} login {USERNAME} password {password}\n" for name in hosts]
    write_private(path, "".join(entries))
    return Login(password, path)


def ensure_administrator(login: Login) -> bool:
    """Make the administrator, or give it the kept password again; True if that was needed."""
    user, is_new = get_user_model().objects.get_or_create(
        username=login.username,
        defaults={"is_staff": True, "is_superuser": True, "email": "admin@example.org"},
    )
    if not is_new and user.check_password(login.password) and user.is_active and user.is_superuser:
        return False
    user.is_active = user.is_staff = user.is_superuser = True
    user.set_password(login.password)
    user.save()
    return not is_new


def _password_in(path: Path) -> str:
    try:
        entries = netrc.netrc(str(path)).hosts.values()
    except (OSError, netrc.NetrcParseError):
        return ""
    return next((password or "" for name, _, password in entries if name == USERNAME), "")
