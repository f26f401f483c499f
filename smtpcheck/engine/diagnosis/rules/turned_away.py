"""Words by which a server turns this machine away, whoever logs in.

Some say it in their greeting, some at EHLO, and Postfix not before the recipient.
"""

from __future__ import annotations

from smtpcheck.engine.diagnosis.matcher import words

# A list may also hold the sender's domain or the EHLO name; then it is not this machine's.
LISTED = words(
    r"^(?!.*\b((sender|recipient) (address|domain)|(your|sending|from) domain"
    r"|(helo|ehlo) (command|name))\b).*("
    r"\bblocked using\b|\b(dns|rh?s?)bl\b|\b(block|black|deny)[ -]?list|\bspamhaus\b|\bspamcop\b"
    r"|\bbarracudacentral\b|\bsorbs\b|\b(is|are) listed (in|on|at|by)\b|\bbanned sending ip\b"
    r"|\b(your (ip|host|server|network)|client|sending ip|ip address)\b.{0,60}\bblocked\b"
    r"|\bblocked\b.{0,60}\bip(check)?\b|\bnot accepted from (this|your)\b"
    r"|\b(ip|host|server|client|address)\b.{0,40}\b(poor|bad|low) reputation\b)"
)
# In the answer to a mail, a list may be one of words or links; here it must be of this machine.
MACHINE_LISTED = words(
    r"^(?!.*\b(message|mail|content) (has been|was|is) (blocked|rejected)\b).*("
    r"(\bclient host\b|\bsending ip\b|\byour (ip|host|server|network)\b|\[[0-9a-f.:]{7,}\])"
    r".{0,120}(\bblocked\b|block ?list|black ?list|\blisted\b|\breputation\b)"
    r"|\bbanned sending ip\b)"
)
NO_REVERSE_NAME = words(
    r"\bcannot find your (reverse )?host ?name\b|\breverse (dns|host|lookup|ip)|\brdns\b|\bPTR\b"
)
# In a greeting, where nothing is known of us but the address.
UNWANTED = words(
    r"\bblocked\b|\breputation\b|\bclient (host|address)\b|\byour (ip|host|address)\b"
    r"|\b(access|connections?)\b.{0,60}"
    r"\b(denied|refused|rejected|not (be )?(accepted|allowed|permitted))\b|\breverse dns\b"
)
