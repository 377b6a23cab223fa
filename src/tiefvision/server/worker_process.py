"""One of several server processes: `python -m tiefvision.server.worker_process`, as
`server/workers.py` starts it, its orders on standard input."""

from __future__ import annotations

import os
import socket
import sys
import threading

from tiefvision.server.app import create_app
from tiefvision.server.serving import Server, server_of
from tiefvision.server.workers import Orders, line_of
from tiefvision.tasks.opened import opened


def main() -> None:
    """Answer until standard input is closed."""
    orders = Orders.parsed(line_of(sys.stdin.fileno()))
    with socket.socket(fileno=orders.listener) as listener, opened(orders.catalogue) as shop:
        server = server_of(create_app(shop, access=orders.access))
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        server.run(sockets=[listener])


def _end_with_parent(server: Server) -> None:
    # Not through sys.stdin: its lock would be held when this process ends.
    while os.read(0, 1):
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()
