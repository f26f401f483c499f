"""The client certificate of a URI: two PEM files, or one that holds the key as well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.telling import exit_status

OPTIONS = ("client_certificate", "client_key")

# RFC 7468 section 3, lax about what stands around the blocks.
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


def add_options(parser: CommandParser) -> None:
    """A file for the certificate, and one for its key."""
    group = parser.add_argument_group(_("the client certificate of a URI"))
    group.add_argument(
        "--client-certificate",
        metavar="FILE",
        help=_("the certificate (PEM) to show to a server that asks for one"),
    )
    group.add_argument(
        "--client-key",
        metavar="FILE",
        help=_("its private key (PEM, no passphrase); not needed if the first file holds it too"),
    )


def chosen(options: dict[str, Any]) -> tuple[str | None, Secret | None]:
    """The certificate with those that came with it, and its key; (None, None) where none is named.

    Raises a usage error that never holds a word of the files.
    """
    if not options["client_certificate"]:
        if options["client_key"]:
            raise _refused(_("--client-key needs the certificate: --client-certificate FILE."))
        return None, None
    path = options["client_certificate"]
    blocks = _blocks_of(path)
    certificate = "\n".join(text for label, text in blocks if label == "CERTIFICATE")
    if not certificate:
        raise _refused(_("The file %(path)s holds no certificate in PEM form.") % {"path": path})
    key_path = options["client_key"] or path
    return certificate, _key_in(_blocks_of(key_path), key_path)


def _key_in(blocks: list[tuple[str, str]], path: str) -> Secret:
    keys = [(label, text) for label, text in blocks if label.endswith("PRIVATE KEY")]
    if not keys:
        raise _refused(
            _("The file %(path)s holds no private key in PEM form. Name it: --client-key FILE.")
            % {"path": path}
        )
    label, text = keys[0]
    if "ENCRYPTED" in label or "Proc-Type: 4,ENCRYPTED" in text:
        raise _refused(
            _(
                "The private key in %(path)s is locked by a passphrase. Unlock a copy of it: "
                "openssl pkey -in %(path)s -out unlocked.pem"
            )
            % {"path": path}
        )
    return Secret(text)


def _blocks_of(path: str) -> list[tuple[str, str]]:
    try:
        text = Path(path).read_text("ascii", "backslashreplace")
    except OSError as broken:
        raise _refused(
            _("The file %(path)s cannot be read: %(error)s")
            % {"path": path, "error": broken.strerror}
        ) from broken
    return [(found[1], found[0]) for found in _BLOCK.finditer(text)]


def _refused(sentence: str) -> CommandError:
    return CommandError(sentence, returncode=exit_status.USAGE)
