from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django.fixtures import Settings

ROOT = Path(__file__).parent.parent.parent

ASK = """
import json, sys
from project import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}))
"""


def read(environment: dict[str, str], *names: str) -> dict[str, Any]:
    """Settings as a fresh process with this environment, and nothing else of ours, reads them."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", ASK, *names],
        cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_without_any_variable_settings_are_safe_and_raise_nothing() -> None:
    found = read({}, "DEBUG", "SECRET_KEY", "SMTPCHECK", "DATABASES")
    assert (found["DEBUG"], found["SECRET_KEY"]) == (False, "")
    assert "ENCRYPTION_KEYS" in found["SMTPCHECK"]
    assert set(found["SMTPCHECK"].values()) == {""}
    database = found["DATABASES"]["default"]
    assert database["NAME"] == str(ROOT / "var" / "db.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert database["OPTIONS"]["timeout"] == 20


def test_debug_has_a_throw_away_key() -> None:
    keys = {read({"DEBUG": "yes"}, "SECRET_KEY")["SECRET_KEY"] for _ in range(2)}
    assert len(keys) == 2
    assert "" not in keys


def test_a_dollar_in_a_secret_is_a_character(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    ring.write_text("$k1:x\n")
    environment = {"SECRET_KEY": "$PATH", "SMTPCHECK_ENCRYPTION_KEYS_FILE": str(ring)}
    found = read(environment, "SECRET_KEY", "SMTPCHECK")
    assert (found["SECRET_KEY"], found["SMTPCHECK"]["ENCRYPTION_KEYS"]) == ("$PATH", "$k1:x")


def test_proxies_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "proxies"
    file.write_text("a=socks5://u:$p@10.0.0.1:1080\nb=http://10.0.0.2:3128\n")
    found = read({"SMTPCHECK_PROXIES_FILE": str(file)}, "SMTPCHECK")["SMTPCHECK"]
    assert found["PROXIES"] == "a=socks5://u:$p@10.0.0.1:1080\nb=http://10.0.0.2:3128"
    assert "PROXIES_FILE" not in found


def test_postgresql_has_a_pool_and_no_persistent_connections(tmp_path: Path) -> None:
    url = tmp_path / "url"
    url.write_text("postgres://me:p%24a@db.example.org:5433/mail\n")
    database = read({"DATABASE_URL_FILE": str(url)}, "DATABASES")["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"], database["NAME"]) == (
        "db.example.org",
        5433,
        "mail",
    )
    assert database["PASSWORD"] == "p$a"
    assert database["CONN_MAX_AGE"] == 0
    assert database["OPTIONS"]["pool"] == {"min_size": 2, "max_size": 20}


def test_an_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(
        "SECRET_KEY=of the file\nSMTPCHECK_POLICY=10.0.0.0/8:25,587; ::1/128\nDEBUG=no\n"
    )
    environment = {"SMTPCHECK_ENV_FILE": str(file), "DEBUG": "yes"}
    found = read(environment, "SECRET_KEY", "SMTPCHECK", "DEBUG")
    assert found["SECRET_KEY"] == "of the file"
    assert found["SMTPCHECK"]["POLICY"] == "10.0.0.0/8:25,587; ::1/128"
    assert found["DEBUG"] is True


@pytest.mark.parametrize(
    ("https", "is_secure", "proxy_header"),
    [
        ("off", False, None),
        ("direct", True, None),
        ("proxy", True, ["HTTP_X_FORWARDED_PROTO", "https"]),
    ],
)
def test_https_is_one_setting(https: str, is_secure: bool, proxy_header: list[str] | None) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT")
    found = read({"HTTPS": https}, *names, "SECURE_PROXY_SSL_HEADER")
    assert [found[name] for name in names] == [is_secure] * 3
    assert found["SECURE_PROXY_SSL_HEADER"] == proxy_header


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command as a fresh process with this environment, and nothing else of ours, runs it."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def deployed(tmp_path: Path, **environment: str) -> dict[str, str]:
    """An environment as a machine has it that serves."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SMTPCHECK_ENCRYPTION_KEYS": "k1:" + base64.b64encode(bytes(range(32))).decode(),
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        **environment,
    }


@pytest.mark.parametrize("https", ["proxy", "direct"])
def test_with_https_the_check_before_deploying_finds_nothing(tmp_path: Path, https: str) -> None:
    environment = deployed(tmp_path, HTTPS=https)
    done = manage(environment, "check", "--deploy", "--fail-level", "DEBUG")
    assert done.returncode == 0, done.stderr
    assert "no issues (2 silenced)" in done.stdout


def test_without_https_it_tells_exactly_what_is_missing_then(tmp_path: Path) -> None:
    done = manage(deployed(tmp_path, HTTPS="off"), "check", "--deploy")
    found = re.findall(r"security\.W\d+", done.stderr)
    assert found == ["security.W004", "security.W008", "security.W012", "security.W016"]


def test_hsts_is_one_hour_for_this_name_alone() -> None:
    names = ("SECURE_HSTS_SECONDS",)
    assert read({"HTTPS": "direct"}, *names)["SECURE_HSTS_SECONDS"] == 3600
    assert read({"HTTPS": "off"}, *names)["SECURE_HSTS_SECONDS"] == 0
    assert not settings.SECURE_HSTS_INCLUDE_SUBDOMAINS
    assert not settings.SECURE_HSTS_PRELOAD


def test_a_slip_in_https_does_not_switch_it_off() -> None:
    done = manage({"HTTPS": "yes"}, "check")
    assert done.returncode != 0
    assert "HTTPS must be off, direct or proxy." in done.stderr


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
@pytest.mark.django_db
def test_what_watches_over_a_process_is_not_redirected(
    client: Client, settings: Settings, path: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/admin/login/").status_code == 301
    assert client.get(path).status_code != 301


def test_debug_allows_no_address(tmp_path: Path) -> None:
    environment = deployed(tmp_path, DEBUG="yes")
    manage(environment, "migrate", "-v0")
    done = manage(
        environment,
        *("test_smtp", "smtp://127.0.0.1:25?starttls=never", "--from", "ann@example.org", "--json"),
    )
    assert json.loads(done.stdout)["diagnosis"]["id"] == "config.destination-forbidden"


def test_a_session_lasts_as_long_as_the_settings_say() -> None:
    assert read({}, "SESSION_COOKIE_AGE")["SESSION_COOKIE_AGE"] == 12 * 3600
    assert read({"SESSION_HOURS": "0.5"}, "SESSION_COOKIE_AGE")["SESSION_COOKIE_AGE"] == 1800


def test_the_languages_are_those_that_texts_are_translated_into() -> None:
    assert [code for code, _ in settings.LANGUAGES] == ["en", "nb", "sv", "da", "de", "nl", "fr"]


def test_static_files_are_served_without_collectstatic(client: Client) -> None:
    answer = client.get("/static/admin/css/base.css")
    assert answer.status_code == 200
    assert answer.content.startswith(b"/*")
