"""A real PostgreSQL server of the tests' own: its data in a folder of its own, reached through a
socket there, ended by its process id."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

USER = "tiefvision"
PASSWORD = "mellow:p@ss/word"
_TEMPLATE = "whole_catalogue"
_START_S = 60.0


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs; None where none is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    return found[-1] if found else None


class Server:
    """A running server. Its passwords are asked for, as a real one's are."""

    def __init__(self, bin_folder: Path) -> None:
        self._programs = bin_folder
        # Short, since the name of a socket is at most 107 bytes long.
        self.folder = Path(tempfile.mkdtemp(prefix="tv-pg-"))
        # The server refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb", "--pgdata", self.folder / "data", "--username", USER, "--pwfile", password,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync", "--locale-provider",
            # A language in which "b" comes before "C": texts must be ordered by code point anyway.
            "icu", "--icu-locale", "en-US", "--locale", "C.UTF-8",
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: str = "postgres", *, password: str = PASSWORD) -> str:
        """The address of a database, as tiefvision.toml holds it."""
        url = sa.URL.create(
            "postgresql", USER, password, database=database, query={"host": str(self.folder)}
        )
        return url.render_as_string(hide_password=False)

    def new_database(self, *, like: str = "template0") -> str:
        """The address of a new database, empty or a copy of another."""
        name = f"catalogue_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    def new_catalogue(self) -> str:
        """The address of a new database that is migrated already."""
        # Made once, since a migration takes longer than most tests.
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{_TEMPLATE}'"):
            from tiefvision.store.database import open_database

            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            folder = self.folder / "template"
            folder.mkdir()
            name_database(folder, self.url(_TEMPLATE))
            open_database(folder).close()
        return self.new_database(like=_TEMPLATE)

    def drop(self, url: str) -> None:
        """Remove a database, with whoever uses it."""
        self.execute(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside of any transaction."""
        engine = sa.create_engine(
            sa.make_url(self.url(database)).set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        deadline = time.monotonic() + _START_S
        while True:
            # After a kill its former processes take a moment to notice, and hold the data so long.
            if self._process is None or self._process.poll() is not None:
                self._process = self._start()
            try:
                self.execute("SELECT 1")
                return
            except OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)

    def _start(self) -> subprocess.Popen[bytes]:
        # No network, one socket; and no waiting for the disk, which outlives what tests kill.
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c shared_buffers=32MB"
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", *options.split()],
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                cwd=self.folder,
            )

    def kill(self) -> None:
        """Kill it as a power cut of its process would (SIGKILL)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it at once and remove its data."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd=self.folder,
        )


def name_database(folder: Path, url: str) -> None:
    """Write a tiefvision.toml that says that a catalogue's database is elsewhere."""
    from tiefvision import settings

    own = settings.Settings(store=settings.StoreSettings(catalogue=url))
    settings.write(folder, own)
