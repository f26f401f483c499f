"""Text of a server, shown as evidence and nothing else."""

from __future__ import annotations

from django import template

from smtpcheck.presentation import inert

register = template.Library()


@register.filter(name="inert")
def inert_text(value: object) -> str:
    """Return a value on one line; HTML is not its business: the template escapes that."""
    return inert(_as_text(value))


@register.filter
def inert_lines(text: object) -> str:
    """As ``inert``, but a line break stays a line break and a tab a tab."""
    lines = _as_text(text).replace("\r\n", "\n")
    return "".join(character if character in "\n\t" else inert(character) for character in lines)


@register.filter
def seconds(milliseconds: int | None) -> str:
    """Show a time as a person reads it: "7 ms", "1.25 s", or nothing for a time not taken."""
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"


def _as_text(value: object) -> str:
    return "" if value is None else str(value)
