"""The collections of a catalogue on a Milvus server: calls that wait while nodes come and go.

Calls are tried again until a deadline. pymilvus is imported when the server is first needed, since
that takes longer than a search that does not need it.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tiefvision.errors import NotReady, StoreError

if TYPE_CHECKING:
    from pymilvus import MilvusClient

_OLDEST = (2, 3)

_CONNECT_S = 5.0
# With one replica a cluster answers "unavailable" for about 30 s when a query node dies (design).
_DEADLINE_S = 90.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 3.0
# Not ready, unavailable, too many requests; collection not fully loaded; no replica or channel;
# nodes that are gone: https://github.com/milvus-io/milvus/blob/2.4/pkg/util/merr/errors.go
_PASSING = frozenset({1, 2, 4, 8, 9, 101, 103, 401, 503, 901, 902, 903})
# So are collections for a moment after a restart; of milvus-lite until they are asked to be loaded.
_NOT_LOADED = 101


class Collections:
    """The collections of a catalogue on a Milvus server, or in a file of milvus-lite.

    prefix: what their names begin with.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        self._url = url
        self.prefix = prefix
        self._client: MilvusClient | None = None

    @property
    def place(self) -> str:
        """The address for people: without its password."""
        if "://" not in self._url:
            return self._url
        return sa.make_url(self._url).render_as_string(hide_password=True)

    # pymilvus gives its answers loosely typed.
    def call(self, method: str, *arguments: Any, **options: object) -> Any:
        """What a method of the client returns; tried again while the server is not ready.

        Raises StoreError when it stays so.
        """
        client = self._connected()
        from pymilvus.exceptions import MilvusException

        deadline, pause = time.monotonic() + _DEADLINE_S, _FIRST_PAUSE_S
        is_loaded = True
        while True:
            try:
                left = max(deadline - time.monotonic(), 1.0)
                if not is_loaded:
                    client.load_collection(arguments[0], timeout=left)
                return getattr(client, method)(*arguments, timeout=left, **options)
            except MilvusException as error:
                if error.code not in _PASSING or time.monotonic() + pause > deadline:
                    raise StoreError(
                        f"Milvus at {self.place} fails: {error.message}",
                        remedy="check that it runs and has room, then type the same again; "
                        "nothing is half written",
                    ) from error
                is_loaded = error.code != _NOT_LOADED
            # Not all at once: many clients wait for the same node.
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def names(self, start: str) -> list[str]:
        """The collections whose names begin so, after the prefix."""
        whole = f"{self.prefix}_{start}"
        return sorted(name for name in self.call("list_collections") if name.startswith(whole))

    def drop(self, start: str) -> None:
        """Remove the collections whose names begin so, after the prefix."""
        for name in self.names(start):
            self.call("drop_collection", name)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> MilvusClient:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> MilvusClient:
        try:
            from pymilvus import MilvusClient
            from pymilvus.exceptions import MilvusException
        except ImportError as error:
            raise NotReady(
                f"the vectors are in Milvus at {self.place}, and pymilvus is not installed",
                remedy="pip install 'tiefvision[cluster]'",
            ) from error
        try:
            client = MilvusClient(self._url, timeout=_CONNECT_S)
            version = str(client.get_server_version(timeout=_CONNECT_S))
        except (MilvusException, ValueError, OSError) as error:
            raise StoreError(
                f"Milvus at {self.place} cannot be reached: {error}",
                remedy="check that it runs, and that [store] url of tiefvision.toml names it: "
                "http://USER:PASSWORD@HOST:19530, or the path of a file",
            ) from error
        numbers = version.removeprefix("v").split("-")[0].split(".")
        # A file of milvus-lite tells another number, and is as new as its package.
        if "://" in self._url and tuple(int(number) for number in numbers[:2]) < _OLDEST:
            raise StoreError(
                f"Milvus at {self.place} is version {version}; expected 2.3 or later",
                remedy="upgrade that server",
            )
        return client
