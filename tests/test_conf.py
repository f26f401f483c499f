from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from smtpcheck.conf import Conf, conf, known_names, require_runtime, type_problems, unknown_names

KEYS = {"ENCRYPTION_KEYS": "k1:anything"}


def test_a_setting_that_is_not_given_reads_as_its_default(settings: Settings) -> None:
    settings.SMTPCHECK = {}
    assert conf() == Conf()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("TEST_RECIPIENT", " test@example.org ", "test@example.org"),
        ("REST_BUDGET_SECONDS", "7.5", 7.5),
        ("TESTS_PER_HOST", "3", 3),
        ("POLICY_PORTS", "25, 587", (25, 587)),
        ("POLICY", "10.0.0.0/8:25,587 ; ::1/128\n", ("10.0.0.0/8:25,587", "::1/128")),
        ("POLICY", ["10.0.0.0/8"], ("10.0.0.0/8",)),
        ("POLICY", "", ()),
        ("EHLO_NAME", "$host", "$host"),
    ],
)
def test_a_text_of_the_environment_becomes_a_value_of_the_settings_type(
    settings: Settings, name: str, text: Any, value: object
) -> None:
    settings.SMTPCHECK = {name: text}
    assert getattr(conf(), name) == value


def test_a_value_of_another_type_is_named_and_not_shown(settings: Settings) -> None:
    settings.SMTPCHECK = {"TESTS_PER_HOST": "hunter2"}
    with pytest.raises(ImproperlyConfigured, match="SMTPCHECK_TESTS_PER_HOST") as caught:
        conf()
    assert "hunter2" not in str(caught.value)
    assert list(type_problems()) == ["TESTS_PER_HOST"]


def test_a_name_that_is_no_setting_is_found(settings: Settings) -> None:
    settings.SMTPCHECK = {"POLCY": "", "POLICY": ""}
    assert unknown_names() == ["POLCY"]
    assert "POLICY" in known_names()


def test_keys_do_not_show_in_the_settings_text(settings: Settings) -> None:
    settings.SMTPCHECK = {"ENCRYPTION_KEYS": "k1:topsecret"}
    assert "topsecret" not in repr(conf())


@pytest.mark.parametrize("debug", [True, False])
def test_nothing_runs_without_encryption_keys_debug_or_not(settings: Settings, debug: bool) -> None:
    settings.SMTPCHECK = {"ENCRYPTION_KEYS": " "}
    settings.DEBUG = debug
    with pytest.raises(ImproperlyConfigured, match=r"manage\.py generate_encryption_key"):
        require_runtime()


def test_nothing_runs_without_a_secret_key(settings: Settings) -> None:
    settings.SMTPCHECK = KEYS
    settings.SECRET_KEY = ""
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY is not set\. Make one with"):
        require_runtime()


def test_a_secret_file_that_cannot_be_read_is_told_where_it_matters(settings: Settings) -> None:
    settings.SMTPCHECK = KEYS
    settings.UNREADABLE_SECRETS = ("SECRET_KEY_FILE names /nowhere, which cannot be read.",)
    with pytest.raises(ImproperlyConfigured, match="/nowhere"):
        require_runtime()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no core files")
def test_a_process_that_runs_writes_no_core_file(settings: Settings) -> None:
    import resource

    settings.SMTPCHECK = KEYS
    require_runtime()
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
