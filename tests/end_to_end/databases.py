"""Databases for applications that tests serve, of the kind that the run is on, read from outside.

What is read here is what is stored: no model, no manager and no converter stands between.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

ROOT: Final = Path(__file__).parent.parent.parent

ADMINISTRATOR: Final = "administrator"
PASSWORD: Final = "an end to end administrator"

PREPARE: Final = f"""
import django; django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
call_command("migrate", verbosity=0)
get_user_model().objects.create_superuser({ADMINISTRATOR!r}, password={PASSWORD!r})
"""

WAIT_SECONDS = 20.0  # for a writer to be done

Row = dict[str, Any]

_numbers = itertools.count(1)


class Database(ABC):
    """A database that one application uses and a test looks into."""

    url: str

    @abstractmethod
    def query(self, sql: str) -> list[Row]:
        """The rows of a query, each by the names of its columns."""

    @abstractmethod
    def execute(self, sql: str) -> None:
        """Change what is stored."""

    @abstractmethod
    def contents(self) -> bytes:
        """All that is stored: every column of every table, and the bytes of the file if any."""

    @abstractmethod
    def copy(self) -> Database:
        """A new database with the same contents, while nobody uses this one."""

    @abstractmethod
    def remove(self) -> None:
        """Throw it away."""

    def results(self) -> list[Row]:
        """The history, oldest first; the ids as everybody else writes them."""
        rows = self.query("SELECT * FROM smtpcheck_smtptestresult ORDER BY id")
        return [row | {"id": str(UUID(str(row["id"])))} for row in rows]

    def accounts(self) -> list[Row]:
        """The saved accounts with their sealed passwords."""
        return self.query("SELECT * FROM smtpcheck_smtpaccount ORDER BY name")


class SqliteFile(Database):
    """SQLite in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.url = f"sqlite:///{file}"

    def query(self, sql: str) -> list[Row]:
        with self._connected() as connection:
            return [dict(row) for row in connection.execute(sql)]

    def execute(self, sql: str) -> None:
        with self._connected() as connection, connection:
            connection.execute(sql)

    def contents(self) -> bytes:
        tables = self.query("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows = [self.query(f'SELECT * FROM "{table["name"]}"') for table in tables]  # noqa: S608
        # With -wal and -shm, which go when the last connection closes, perhaps just now.
        files = [self._file, *self._file.parent.glob(f"{self._file.name}-*")]
        return repr(rows).encode() + b"".join(map(_octets_if_there, files))

    def copy(self) -> Database:
        other = self._file.with_name(f"copy-{next(_numbers)}.sqlite3")
        shutil.copyfile(self._file, other)
        return SqliteFile(other)

    def remove(self) -> None:
        self._file.unlink()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._file, timeout=WAIT_SECONDS)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection


class PostgresDatabase(Database):
    """A database of its own in the server that the run is on."""

    def __init__(self, server_url: str, template: str = "template1") -> None:
        self._server_url = server_url
        self._name = f"smtpcheck_served_{os.getpid()}_{next(_numbers)}"
        self.url = _with_database(server_url, self._name)
        self._at_server(f'CREATE DATABASE "{self._name}" TEMPLATE "{template}"')

    def query(self, sql: str) -> list[Row]:
        import psycopg  # installed where PostgreSQL is used
        from psycopg.rows import dict_row

        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(sql.encode()).fetchall()

    def execute(self, sql: str) -> None:
        import psycopg  # installed where PostgreSQL is used

        with psycopg.connect(self.url) as connection:
            connection.execute(sql.encode())

    def contents(self) -> bytes:
        tables = self.query("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
        rows = [self.query(f'SELECT t::text FROM "{table["name"]}" t') for table in tables]  # noqa: S608
        return repr(rows).encode()

    def copy(self) -> Database:
        return PostgresDatabase(self._server_url, template=self._name)

    def remove(self) -> None:
        self._at_server(f'DROP DATABASE "{self._name}" WITH (FORCE)')

    def _at_server(self, sql: str) -> None:
        import psycopg  # installed where PostgreSQL is used

        # Databases are made and dropped from another one, and outside of any transaction.
        url = _with_database(self._server_url, "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.encode())


def prepared_database(directory: Path) -> Database:
    """A database with all tables and one administrator, of the kind that the run is on."""
    url = os.environ["DATABASE_URL"]
    is_sqlite = url.startswith("sqlite")
    made: Database = (
        SqliteFile(directory / "prepared.sqlite3") if is_sqlite else PostgresDatabase(url)
    )
    environment = os.environ | {
        "DATABASE_URL": made.url,
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=environment, check=True)
    return made


def _with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(scheme="postgresql", path=f"/{name}").geturl()


def _octets_if_there(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
