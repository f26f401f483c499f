"""A real Exim with its own configuration, spool, mailbox and certificate, on free ports."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Final

from tests.servers.jail import Account, JailedServer, Package
from tests.servers.jail import why_unusable as why_package_unusable
from tests.servers.postfix import LOGINS

EXIM: Final = Package("exim4-daemon-light", "usr/sbin/exim4")

MECHANISMS: Final = ("PLAIN", "LOGIN", "CRAM-MD5")
# The answers repeat these addresses, so that no name may hold a word that names the cause.
NOT_OWNED_SENDER: Final = "someone-else@mail.test"
UNKNOWN_RECIPIENT: Final = "nobody@mail.test"
GREYLISTED_RECIPIENT: Final = "not-yet@mail.test"
BUSY_RECIPIENT: Final = "busy@mail.test"
FULL_RECIPIENT: Final = "large@mail.test"
FULL_FOR_NOW_RECIPIENT: Final = "larger@mail.test"

# Users and paths that Debian compiled in; inside the jail the user is without any right.
_USER: Final = Account("Debian-exim", 65534)

# The notifier's socket would be shared with every other Exim of the machine, in spite of the jail.
# The words are those that Exim, Debian's configuration and greylistd give by themselves, because
# operators meet them. No privilege is kept (deliver_drop_privilege), so nothing has to be setuid.
CONFIGURATION = r"""
primary_hostname = mx.mail.test
keep_environment =
notifier_socket =
spool_directory = /spool
log_file_path = /log/%slog
daemon_smtp_ports = {ports.plain} : {ports.submission} : {ports.smtps}
local_interfaces = <; {addresses}
tls_on_connect_ports = {ports.smtps}
tls_advertise_hosts = ${{if ={{$received_port}}{{{ports.submission}}}{{*}}{{}}}}
tls_certificate = /tls/server.pem
tls_privatekey = /tls/server.key
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}{{}}}}
rfc1413_query_timeout = 0s
deliver_drop_privilege = true
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept
{options}

begin acl
check_recipient:
  deny    condition = ${{if ={{$received_port}}{{{ports.plain}}}{{no}}{{yes}}}}
         !authenticated = *
          message = 550 Authentication required
  deny    senders = someone-else@mail.test
          message = You are not allowed to send as $sender_address
  defer   recipients = not-yet@mail.test
          message = $sender_host_address is not yet authorized to deliver mail from \
                    <$sender_address> to <$local_part@$domain>. Please try later.
  defer   recipients = busy@mail.test
  deny    recipients = large@mail.test
          message = 552 5.2.2 Mailbox is full / Blocks limit exceeded / Inode limit exceeded
  defer   recipients = larger@mail.test
          message = 452 4.2.2 Mailbox is full / Quota exceeded
  require message = relay not permitted
          domains = mail.test
  require verify = recipient
  accept

begin routers
inbox:
  driver = accept
  domains = mail.test
  local_parts = ! nobody
  transport = inbox

begin transports
inbox:
  driver = appendfile
  maildir_format
  directory = /mail/inbox
  user = Debian-exim
  group = Debian-exim
  return_path_add
  envelope_to_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{lookup{{$auth2}}lsearch{{/etc/exim4/logins}}\
                     {{${{if eq{{$auth3}}{{${{base64d:$value}}}}}}}}{{no}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{lookup{{$auth1}}lsearch{{/etc/exim4/logins}}\
                     {{${{if eq{{$auth2}}{{${{base64d:$value}}}}}}}}{{no}}}}
  server_set_id = $auth1
cram_md5:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{lookup{{$auth1}}lsearch{{/etc/exim4/logins}}{{${{base64d:$value}}}}fail}}
  server_set_id = $auth1
{authenticators}
"""


class EximServer(JailedServer):
    """Runs an Exim that takes every mail for `mail.test` and keeps it in a mailbox.

    Every address at `mail.test` exists, except `nobody@` (550, without an enhanced code).
    `not-yet@` (greylisted), `busy@` and `larger@` are refused for now (451, 451, 452), `large@` for
    good (552). As a sender, `someone-else@` is refused at RCPT. Other domains are "550 relay not
    permitted". Logins are offered inside TLS only.
    """

    package = EXIM
    accounts = (_USER,)
    command = ("/usr/sbin/exim4", "-bdf")
    options = ""
    """What a kind of its own adds to the main part of the configuration."""
    authenticators = ""
    """Its further mechanisms."""
    logs = ("output.log", "log/mainlog", "log/paniclog")

    def __init__(self, *, logins: Mapping[str, str] = LOGINS) -> None:
        super().__init__()
        self.logins = dict(logins)

    def files(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """The configuration and the logins."""
        return {
            "etc/exim4/exim4.conf": CONFIGURATION.format(
                ports=self.ports,
                addresses=" ; ".join(addresses),
                options=self.options.format(ports=self.ports),
                authenticators=self.authenticators,
            ),
            # In base64 blanks and quotes pass that lsearch would take for its own.
            "etc/exim4/logins": "".join(
                f"{user}: {base64.b64encode(password.encode()).decode()}\n"
                for user, password in self.logins.items()
            ),
        }

    def arrange(self) -> None:
        """Make what Exim writes to."""
        for name in ("spool", "log", "mail"):
            self.owned_directory(name, _USER)


def why_unusable() -> tuple[str, str] | None:
    """Why this machine cannot run the server, and how to change that; `None` if it can."""
    return why_package_unusable(EXIM)
