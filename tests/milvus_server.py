"""A real Milvus server (the package `milvus`) of the tests' own, ended by its process id."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

# A restarted one waits until the sessions of its former self have ended.
_START_S = 60.0

# Of the account that a new server has.
USER, PASSWORD = "root", "Milvus"

# Prints the id of the server's own process, which outlives its launcher.
_LAUNCHER = """
import socket, sys, time
from milvus import MilvusServer

class ReusingSocket(socket.socket):
    def bind(self, address):
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        super().bind(address)

# Or a restarted server gets another port, as long as connections to the killed one linger.
socket.socket = ReusingSocket
server = MilvusServer(wait_for_started=False)
server.set_base_dir(sys.argv[1])
server.config.set("proxy_port", int(sys.argv[2]))
server.config.set("authorization_enabled", True)
server.webservice_port = int(sys.argv[3])
server.start()
print(server.server_proc.pid, flush=True)
time.sleep(100_000)
"""


def skip_without() -> None:
    """Skip a test loudly where the server's package is not installed, and fail in CI."""
    if importlib.util.find_spec("milvus") is None:
        assert not os.environ.get("CI"), "CI tests with a Milvus server: pip install milvus==2.3.5"
        pytest.skip("the package milvus is not installed: pip install milvus==2.3.5")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server with its data in a folder of its own.

    One at a time on a machine: two that start at once may choose the same ports for their parts.
    """

    def __init__(self) -> None:
        self._alone = FileLock(Path(tempfile.gettempdir()) / "tv-milvus.lock")
        self._alone.acquire()
        self._folder = Path(tempfile.mkdtemp(prefix="tv-milvus-"))
        self._port = _free_port()
        self._launcher: subprocess.Popen[str] | None = None
        self._process = 0
        try:
            self.start()
        except AssertionError:
            self.stop()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def account_url(self) -> str:
        """The address with the account's name and password."""
        return f"http://{USER}:{PASSWORD}@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._launch()
        assert self._answers(), f"the Milvus server did not start within {_START_S} s"

    def _launch(self) -> None:
        arguments = [str(self._folder), str(self._port), str(_free_port())]
        self._launcher = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._launcher.stdout is not None
        self._process = int(self._launcher.stdout.readline())

    def _answers(self) -> bool:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException

        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            try:
                MilvusClient(self.account_url, timeout=5).list_collections(timeout=5)
                return True
            except MilvusException:
                time.sleep(0.2)
        return False

    def kill(self) -> None:
        """Kill it (SIGKILL) with its launcher."""
        assert self._launcher is not None
        # The server is the launcher's child: the launcher waits for it no more once it is gone.
        os.kill(self._process, 9)
        self._launcher.kill()
        self._launcher.communicate()

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._alone.release()
