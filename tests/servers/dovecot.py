"""A private Dovecot that does nothing but check logins for Postfix, by password or by token."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.daemon import Daemon
from tests.servers.tokens import SIGNING_KEY

PROGRAM = "/usr/sbin/dovecot"

# The failure delay and the penalty that grows with each refused
# login of an address are off: they slow guessing down, and here they would only slow tests down.
CONFIGURATION = """\
protocols =
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/dovecot.log
ssl = no
auth_mechanisms = {mechanisms}
auth_username_chars =
auth_username_format = %u
auth_failure_delay = 0
auth_verbose = yes
passdb {{
  driver = passwd-file
  mechanisms = {by_password}
  args = username_format=%u {directory}/passwords
}}
{tokens}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {socket} {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
"""


BY_TOKEN = frozenset({"xoauth2", "oauthbearer"})

# It believes the signature of a token; nobody else is asked.
TOKENS = """\
passdb {{
  driver = oauth2
  mechanisms = {by_token}
  args = {directory}/tokens
}}
"""
TOKENS_CONFIGURATION = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={directory}/keys/
username_attribute = sub
"""


def login_server(
    directory: Path, *, socket: Path, logins: Mapping[str, str], mechanisms: Sequence[str]
) -> Daemon:
    """A Dovecot, not yet started, that answers on a unix socket whether a login is right.

    It makes the directory and keeps all its files there; it is ready when the socket exists.
    """
    (directory / "run").mkdir(parents=True)
    configuration = directory / "dovecot.conf"
    by_token = [name for name in mechanisms if name in BY_TOKEN]
    tokens = TOKENS.format(directory=directory, by_token=" ".join(by_token)) if by_token else ""
    configuration.write_text(
        CONFIGURATION.format(
            directory=directory,
            socket=socket,
            mechanisms=" ".join(mechanisms),
            by_password=" ".join(name for name in mechanisms if name not in BY_TOKEN),
            tokens=tokens,
        )
    )
    _write_passwords(directory / "passwords", logins)
    _write_token_key(directory)
    return Daemon([PROGRAM, "-F", "-c", str(configuration)], log=directory / "dovecot.log")


def installed_version() -> str:
    """The version of the Dovecot of this machine, as "2.3.19.1 (9b53102964)"."""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False)
    return version.stdout.strip() or "unknown"


def _write_passwords(path: Path, logins: Mapping[str, str]) -> None:
    # In base64 any byte passes, also the colon that separates the fields; and kept in clear, the
    # password serves every mechanism (CRAM-MD5 and SCRAM cannot work from a hash of another kind).
    lines = [
        f"{user}:{{PLAIN.b64}}{base64.b64encode(password.encode()).decode()}\n"
        for user, password in logins.items()
    ]
    path.write_text("".join(lines))
    path.chmod(0o640)
    shutil.chown(path, group="dovecot")


def _write_token_key(directory: Path) -> None:
    (directory / "tokens").write_text(TOKENS_CONFIGURATION.format(directory=directory))
    # Any issuer / the algorithm / any key: what a token names of the three is looked up here.
    key = directory / "keys/default/HS256/default"
    key.parent.mkdir(parents=True)
    key.write_text(base64.b64encode(SIGNING_KEY).decode())
