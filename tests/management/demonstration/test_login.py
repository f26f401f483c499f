from __future__ import annotations

import netrc
from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model

from smtpcheck.management.demonstration.login import ensure_administrator, kept_login


def test_the_password_is_random_and_kept(tmp_path: Path) -> None:
    first = kept_login(tmp_path / "netrc", "127.0.0.1")
    again = kept_login(tmp_path / "netrc", "127.0.0.1")
    other = kept_login(tmp_path / "other", "127.0.0.1")
    assert first.password == again.password != other.password
    assert len(first.password) >= 16


def test_the_file_is_what_curl_reads_and_private(tmp_path: Path) -> None:
    login = kept_login(tmp_path / "netrc", "::1")
    for host in ("127.0.0.1", "localhost", "::1"):
        assert netrc.netrc(str(login.path)).authenticators(host) == ("admin", "", login.password)
    assert login.path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine\nnonsense")
    assert kept_login(tmp_path / "netrc", "127.0.0.1").password


def test_the_password_is_not_in_the_repr(tmp_path: Path) -> None:
    login = kept_login(tmp_path / "netrc", "127.0.0.1")
    assert login.password not in repr(login)


@pytest.mark.django_db
def test_the_administrator_can_log_in(tmp_path: Path) -> None:
    login = kept_login(tmp_path / "netrc", "127.0.0.1")
    assert ensure_administrator(login) is False
    user = authenticate(username="admin", password=login.password)
    assert user is not None
    assert user.is_superuser
    assert user.is_staff


@pytest.mark.django_db
def test_a_password_changed_by_hand_is_set_back_and_that_is_said(tmp_path: Path) -> None:
    login = kept_login(tmp_path / "netrc", "127.0.0.1")
    ensure_administrator(login)
    user = get_user_model().objects.get(username="admin")
    user.set_password("by hand")
    user.save()
    assert ensure_administrator(login) is True
    assert ensure_administrator(login) is False
