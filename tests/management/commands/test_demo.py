from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from smtpcheck.management.demonstration.examples import EXAMPLES
from tests.environment import SETTINGS
from tests.real_servers import require_or_skip

ROOT = Path(__file__).parents[3]
START_SECONDS = 90  # a bound for a busy machine, not what a start takes

# One group: one worker runs one demo.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


@dataclass
class Demo:
    """A running demo and what it has printed."""

    process: subprocess.Popen[str]
    text: str

    @property
    def url(self) -> str:
        found = re.search(r"(http://127\.0\.0\.1:\d+)/admin/", self.text)
        assert found, self.text
        return found[1]

    @property
    def curl_line(self) -> str:
        return self.text.splitlines()[-1]

    def end(self, number: signal.Signals) -> tuple[int, str, float]:
        """Send a signal; the exit status, what was written to standard error, and the time."""
        began = time.monotonic()
        self.process.send_signal(number)
        _out, err = self.process.communicate(timeout=30)
        return self.process.returncode, err, time.monotonic() - began


@contextmanager
def demo(env_file: Path, *arguments: str, **environment: str) -> Iterator[Demo]:
    """A demo that has printed its last line."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "demo", "--port", "0", *arguments],
        cwd=env_file.parents[1],  # any folder will do
        env=clean_environment(env_file) | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        yield Demo(process, read_to_the_last_line(process))
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def read_to_the_last_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    assert process.stderr
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("curl "):
            return text
    pytest.fail(f"The demo ended early.\n{text}{process.stderr.read()}")


def fetch(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data, headers or {})  # noqa: S310 - the demo's own url
    with direct.open(request, timeout=20) as answer:
        return str(answer.read().decode())


def clean_environment(env_file: Path) -> dict[str, str]:
    """The environment of a person who has only the settings file."""
    ours = {name for name in os.environ if name in SETTINGS or name.startswith("SMTPCHECK_")}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "SMTPCHECK_ENV_FILE": str(env_file), "PYTHONWARNINGS": "default"}


def make_env_file(folder: Path) -> Path:
    env_file = folder / "var" / "smtpcheck.env"
    env_file.parent.mkdir(mode=0o700)
    settings = {**SETTINGS, "DATABASE_URL": f"sqlite:///{folder}/var/db.sqlite3"}
    env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    env_file.chmod(0o600)
    return env_file


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_env_file(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def first(env_file: Path) -> Iterator[Demo]:
    with demo(env_file) as running:
        yield running


def test_every_example_shows_what_it_is_there_to_show(first: Demo) -> None:
    assert "Not as expected" not in first.text
    for example in EXAMPLES:
        row = next(line for line in first.text.splitlines() if line.startswith(example.name))
        assert ("Fails" in row) == bool(example.expected)


def test_the_last_lines_say_where_to_click_the_login_and_what_to_paste(first: Demo) -> None:
    *_, click, login, _paste, curl = first.text.splitlines()
    assert f"{first.url}/admin/" in click
    assert "admin" in login
    assert curl.startswith("curl ")


def test_the_admin_is_served_with_its_style(first: Demo) -> None:
    html = fetch(f"{first.url}/admin/login/")
    style = re.search(r'href="(/static/admin/css/base[^"]*\.css)"', html)
    assert style, html
    assert "--primary" in fetch(first.url + style[1])


def test_the_printed_login_is_the_administrators(first: Demo) -> None:
    found = re.search(r"admin, password (\S+)", first.text)
    assert found, first.text
    pair = base64.b64encode(f"admin:{found[1]}".encode()).decode()
    url = f"{first.url}/api/v1/Agents/CustomerService/TestSmtpServer"
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
    assert json.loads(fetch(url, b"{}", headers))["Success"] is False


def test_the_printed_line_works_when_pasted(first: Demo, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        require_or_skip("curl is not installed.", "Debian: apt install curl")
    shell = ["sh", "-c", first.curl_line]
    pasted = subprocess.run(shell, cwd=tmp_path, capture_output=True, timeout=30, check=True)
    assert json.loads(pasted.stdout)["Success"] is True


def test_everything_that_is_kept_is_for_the_owner_only(first: Demo, env_file: Path) -> None:
    modes = {path: path.stat().st_mode & 0o777 for path in env_file.parent.rglob("*")}
    open_to_others = {path.name: oct(mode) for path, mode in modes.items() if mode & 0o077}
    assert open_to_others == {}
    assert env_file.with_name("netrc") in modes


def test_the_settings_file_is_enough_for_the_other_commands(first: Demo, env_file: Path) -> None:
    tested = subprocess.run(
        [sys.executable, "manage.py", "test_smtp", "--account", EXAMPLES[1].name],
        cwd=ROOT, env=clean_environment(env_file), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (tested.returncode, tested.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_start_finds_everything_and_a_signal_ends_it_quietly(
    tmp_path: Path, number: signal.Signals
) -> None:
    env_file = make_env_file(tmp_path)
    with demo(env_file) as running:
        before = (running.text.splitlines()[-3], running.process.poll())
        assert running.end(signal.SIGINT)[:2] == (0, "")
    with demo(env_file) as running:
        assert (running.text.splitlines()[-3], None) == before
        assert "Not as expected" not in running.text
        status, err, seconds = running.end(number)
    assert (status, err) == (0, "")
    assert seconds < 10  # 2 s on a machine that does nothing else


def test_a_sandbox_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    env_file = make_env_file(tmp_path)
    with demo(env_file) as running:
        running.end(signal.SIGINT)
    ports = json.loads((env_file.parent / "sandbox" / "ports.json").read_text())
    with socket.create_server(("127.0.0.1", ports["starttls"])), demo(env_file) as running:
        assert "Not as expected" not in running.text
        assert f":{ports['starttls']}?" not in shlex.split(running.curl_line)[-2]
    policy = re.findall("^SMTPCHECK_POLICY=(.*)$", env_file.read_text(), re.MULTILINE)
    assert len(policy) == 1
    assert str(ports["starttls"]) not in policy[0]


# Starts that cannot be


def failed_start(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


def test_a_port_in_use_is_told_with_the_option_that_changes_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        environment = clean_environment(make_env_file(tmp_path))
        status, err = failed_start(environment, "--port", port)
    assert status == 1
    assert port in err
    assert "--port" in err


def test_without_a_settings_file_the_demo_says_how_to_start_it() -> None:
    status, err = failed_start({**os.environ})
    assert status == 2
    assert "dev.py run" in err


def test_without_keys_the_demo_says_how_to_make_them(tmp_path: Path) -> None:
    env_file = make_env_file(tmp_path)
    lines = env_file.read_text().splitlines()
    env_file.write_text("\n".join(line for line in lines if "ENCRYPTION_KEYS" not in line))
    status, err = failed_start(clean_environment(env_file))
    assert status == 2
    assert "generate_encryption_key" in err


def test_settings_of_the_environment_that_forbid_the_sandbox_are_named(tmp_path: Path) -> None:
    environment = clean_environment(make_env_file(tmp_path))
    environment["SMTPCHECK_POLICY"] = "10.0.0.0/8"
    status, err = failed_start(environment, "--port", "0")
    assert status == 2
    assert "SMTPCHECK_POLICY" in err
