"""The logins that the sandbox accepts."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping


class Logins(Mapping[str, str]):
    """User names and their passwords; checks take the same time for right and wrong ones."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = dict(passwords)

    def __getitem__(self, user: str) -> str:
        return self._passwords[user]

    def __iter__(self) -> Iterator[str]:
        return iter(self._passwords)

    def __len__(self) -> int:
        return len(self._passwords)

    def __repr__(self) -> str:
        return f"Logins({', '.join(self)})"

    def accepts(self, user: bytes, password: bytes) -> bool:
        """True if this is the user's password. Bytes, because what a client sends need not be text.

        RFC 4616 says UTF-8. Unknown users are compared too, so that the time tells nothing.
        """
        expected = {name.encode(): word for name, word in self._passwords.items()}.get(user)
        is_equal = hmac.compare_digest(_digest(expected or ""), _digest_bytes(password))
        return is_equal and expected is not None


def _digest(text: str) -> bytes:
    return _digest_bytes(text.encode())


def _digest_bytes(data: bytes) -> bytes:
    return hmac.digest(b"sandbox", data, "sha256")  # equal lengths, whatever was sent
