"""Results as `presentation.as_plain` gives them: a good one, and what is changed about it."""

from __future__ import annotations

from typing import Any

LADDER = [
    {"stage": "config", "state": "proven", "took_ms": 0, "encrypted": False},
    {"stage": "connect", "state": "proven", "took_ms": 12, "encrypted": False},
    {"stage": "ehlo", "state": "proven", "took_ms": 3, "encrypted": False},
    {"stage": "starttls", "state": "skipped", "took_ms": 0, "encrypted": False},
    {"stage": "ehlo", "state": "proven", "took_ms": 4, "encrypted": True},
    {"stage": "auth", "state": "not-reached", "took_ms": None, "encrypted": True},
]
ASKED = {
    "host": "mail.example.org",
    "port": 587,
    "security": "starttls",
    "username": "ann@example.org",
    "sender": "ann@example.org",
    "recipient": "bob@example.org",
    "goal": "content",
}


def plain(verdict: str = "works", **changes: Any) -> dict[str, Any]:
    """A result with this verdict; ``said`` is what the server said, ``account`` a name."""
    said, name = changes.pop("said", ""), changes.pop("account", "")
    diagnosis = None if verdict == "works" else diagnosed("auth.invalid")
    result = {
        "id": "0198c0de-0000-7000-8000-000000000000",
        "account": {"id": "1", "name": name} if name else None,
        "asked": ASKED,
        "started_at": "2026-02-03T04:05:06+02:00",
        "took_ms": 1234,
        "verdict": verdict,
        "stage": "content" if verdict == "works" else "auth",
        "owner": None if verdict == "works" else "provider",
        "diagnosis": diagnosis,
        "warnings": [],
        "reply": {"code": 535, "enhanced": "", "text": said} if said else None,
        "ladder": LADDER,
        "transcript": "S: 220 hi\nC: QUIT",
    }
    return {**result, **changes}


def diagnosed(diagnosis_id: str, title: str = "Login refused") -> dict[str, Any]:
    return {
        "id": diagnosis_id,
        "title": title,
        "cause": "The server refused the login.",
        "remedy": ["Type the password again.", "Ask the provider."],
        "help_url": "",
    }


def warned(diagnosis_id: str = "tls.slow", title: str = "Slow") -> dict[str, Any]:
    return {"id": diagnosis_id, "title": title, "cause": "It took long.", "remedy": []}
