from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import dev

SCRIPT = Path(dev.__file__)
MANAGE = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv[1] == "generate_encryption_key":
    print("k1:made-by-a-command")
else:
    try:
        print("serving", *sys.argv[2:], flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own for dev.py: nothing to install, and a manage.py that only waits."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/run.txt").write_text("")
    (tmp_path / "manage.py").write_text(MANAGE)
    shutil.copy(SCRIPT, tmp_path)
    monkeypatch.setattr(dev, "HERE", tmp_path)
    monkeypatch.setattr(dev, "VAR", tmp_path / "var")
    monkeypatch.setattr(dev, "ENV_FILE", tmp_path / "var/smtpcheck.env")
    use_venv(monkeypatch, tmp_path / ".venv")
    return tmp_path


def use_venv(monkeypatch: pytest.MonkeyPatch, venv: Path) -> None:
    monkeypatch.setattr(dev, "VENV", venv)
    monkeypatch.setattr(dev, "PYTHON", venv / "bin/python")


def pretend_installed(tree: Path) -> None:
    """Make an environment that runs this Python and is stamped as complete."""
    (tree / ".venv/bin").mkdir(parents=True)
    (tree / ".venv/bin/python").symlink_to(sys.executable)
    (tree / ".venv/made-with").write_text(sys.version)
    stamp = dev.fingerprint(tree / "requirements/run.txt")
    (tree / ".venv/installed-run").write_text(stamp)


def lock_a_package(tree: Path, name: str) -> None:
    """Lock a package with one module, whose wheel lies beside the lock file."""
    wheel = tree / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(
            f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        )
        archive.writestr(f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-1.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tree / "requirements/run.txt").write_text(f"{wheel.as_uri()} --hash=sha256:{digest}\n")


def can_import(module: str) -> bool:
    return subprocess.run([dev.PYTHON, "-c", f"import {module}"], check=False).returncode == 0


def test_without_a_command_it_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main([]) == 0
    assert "test [ARGS]" in capsys.readouterr().out


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["deploy"]) == 2
    assert "usage:" in capsys.readouterr().out


def test_an_old_python_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    assert dev.main(["run"]) == 1
    assert "needs Python 3.11 or newer" in capsys.readouterr().err


@pytest.mark.parametrize("ensurepip", [True, False], ids=["ensurepip", "no ensurepip"])
def test_an_environment_is_made_once_and_again_when_the_lock_changes(
    tree: Path,
    ensurepip: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    if not ensurepip:
        monkeypatch.setattr(dev, "is_installed", lambda module: module == "pip")
        monkeypatch.setattr(sys, "executable", sys._base_executable)  # type: ignore[attr-defined]
    lock_a_package(tree, "first")
    dev.install("run")
    assert can_import("first")
    assert "Installed in" in capsys.readouterr().out
    dev.install("run")
    assert capsys.readouterr().out == ""
    lock_a_package(tree, "second")
    dev.install("run")
    assert can_import("second")


def test_a_package_with_another_content_than_locked_is_refused(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    lock_a_package(tree, "tampered")
    lock_file = tree / "requirements/run.txt"
    lock_file.write_text(lock_file.read_text().rpartition(":")[0] + ":" + "0" * 64)
    with pytest.raises(dev.Refused, match="DO NOT MATCH THE HASHES"):
        dev.install("run")
    assert not (tree / ".venv/installed-run").exists()


def test_a_python_that_cannot_install_anything_is_told_in_a_sentence(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "is_installed", lambda module: False)
    with pytest.raises(dev.Refused, match="apt install python3-venv"):
        dev.install("run")


def test_a_folder_that_somebody_else_made_is_left_alone(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tree / "home/thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    use_venv(monkeypatch, precious.parent)
    with pytest.raises(dev.Refused, match="left alone"):
        dev.install("run")
    assert precious.read_text() == "years of work"


def test_keys_are_made_once_and_only_their_owner_reads_them(tree: Path) -> None:
    pretend_installed(tree)
    dev.make_keys()
    keys = dev.ENV_FILE.read_text()
    assert "SMTPCHECK_ENCRYPTION_KEYS=k1:made-by-a-command\n" in keys
    assert "DEBUG" not in keys.partition("\n")[2]
    assert stat.S_IMODE(dev.ENV_FILE.stat().st_mode) == 0o600
    assert stat.S_IMODE(dev.VAR.stat().st_mode) == 0o700
    dev.make_keys()
    assert dev.ENV_FILE.read_text() == keys


def test_ctrl_c_ends_run_without_a_traceback(tree: Path) -> None:
    pretend_installed(tree)
    environment = {name: os.environ[name] for name in os.environ if name != "SMTPCHECK_VENV"}
    with subprocess.Popen(
        [sys.executable, tree / "dev.py", "run", "--port", "8123"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        lines = [running.stdout.readline(), running.stdout.readline()]
        assert lines == ["Made keys in var/smtpcheck.env.\n", "serving --port 8123\n"]
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
    assert running.returncode == 130
    assert errors == ""
