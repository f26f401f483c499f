"""Addresses of the admin, and what its pages say."""

from __future__ import annotations

import html
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from smtpcheck.models import SmtpAccount, SmtpTestResult

ACCOUNTS = reverse("admin:smtpcheck_smtpaccount_changelist")
ADD_ACCOUNT = reverse("admin:smtpcheck_smtpaccount_add")
RESULTS = reverse("admin:smtpcheck_smtptestresult_changelist")


def account_page(account: SmtpAccount, page: str = "change") -> str:
    """One of an account's addresses: change, test, history, delete."""
    return reverse(f"admin:smtpcheck_smtpaccount_{page}", args=[account.pk])


def result_page(result: SmtpTestResult, page: str = "change") -> str:
    """One of a result's addresses."""
    return reverse(f"admin:smtpcheck_smtptestresult_{page}", args=[result.pk])


def seen(client: Client, address: str) -> str:
    """The page as its source, which has to be there."""
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def text(client: Client, address: str) -> str:
    """The page as a person reads it: without tags, entities and runs of blanks."""
    source = re.sub(r"<(style|script)\b.*?</\1>", " ", seen(client, address), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", source)).split())


def fields_of(account: SmtpAccount | None = None, **typed: Any) -> dict[str, Any]:
    """What a browser sends for the form of an account, changed by what was typed."""
    values = {
        "name": "News",
        "host": "mail.example.org",
        "port": "587",
        "security": "starttls",
        "username": "ann@example.org",
        "goal": "content",
    }
    if account is not None:
        values |= {name: str(getattr(account, name)) for name in values}
    return values | typed
