"""Files that only their owner may read, replaced in one step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def private_directory(path: Path) -> Path:
    """Make a directory that only its owner may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file by a text; a process that is killed leaves the old one whole."""
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)  # before there is anything to read
    half.write_text(text)
    half.replace(path)


def with_settings(text: str, settings: Mapping[str, str]) -> str:
    r"""A settings file with these values: their lines replaced or added, all others as they were.

    >>> with_settings("# mine\nA=1\nB=2\n", {"B": "3", "C": "4"})
    '# mine\nA=1\nB=3\nC=4\n'
    """
    missing = dict(settings)
    lines = []
    for line in text.splitlines():
        name = _name_of(line)
        if name in settings:
            if name in missing:  # a second line of one name would win over ours
                lines.append(f"{name}={missing.pop(name)}")
        else:
            lines.append(line)
    lines += [f"{name}={value}" for name, value in missing.items()]
    return "\n".join(lines) + "\n"


def settings_in(text: str) -> dict[str, str]:
    """The values of a settings file, as the project reads them: the last line of a name counts."""
    pairs = (line.partition("=") for line in text.splitlines() if _name_of(line))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _name_of(line: str) -> str:
    name, equals, _value = line.partition("=")
    return "" if line.lstrip().startswith("#") or not equals else name.strip()
