"""`tiefvision serve` as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from small_shop import SmallShop
from tiefvision.cli import main
from tiefvision.store import jobs, leases
from tiefvision.store.database import open_database
from tiefvision.tasks.indexing.update import LEASE

_SERVE = "import sys; from tiefvision.cli import main; main(['serve', *sys.argv[1:]])"


def _serve(shop: SmallShop, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _SERVE, "-c", str(shop.catalogue), "--port", "0", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_it_says_where_it_is_answers_and_ends_with_ctrl_c(drawn_shop: SmallShop) -> None:
    with _serve(drawn_shop, "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["token"] is None
        with urllib.request.urlopen(f"{told['url']}readyz", timeout=30) as answer:
            assert json.load(answer) == {"status": "ready"}
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, -signal.SIGINT, 130)


def test_a_taken_port_is_named(drawn_shop: SmallShop, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        port = taken.getsockname()[1]
        main(["serve", "-c", str(drawn_shop.catalogue), "--port", str(port)])
    assert ended.value.code == 5
    assert f"port {port}" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(drawn_shop: SmallShop) -> None:
    hidden = "import sys; sys.modules['fastapi'] = None; " + _SERVE
    done = subprocess.run(
        [sys.executable, "-c", hidden, "-c", str(drawn_shop.catalogue)],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 4
    assert "pip install 'tiefvision[serve]'" in done.stderr


def test_help_loads_nothing_of_the_server() -> None:
    code = (
        "import sys\nfrom tiefvision.cli import main\n"
        "try:\n    main(['serve', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stderr.split()) & {"fastapi", "uvicorn", "numpy"}
    assert "--allow-host" in done.stdout


def test_ctrl_c_does_not_wait_for_a_page_that_follows_a_job(
    drawn_shop: SmallShop, tmp_path: Path
) -> None:
    catalogue = shutil.copytree(drawn_shop.catalogue, tmp_path / "shop")
    database = open_database(catalogue)
    # Held here, so that the job waits, and has events until the server ends.
    with leases.hold(database, LEASE), _serve(SmallShop(tmp_path), "--json") as process:
        assert process.stdout is not None
        api = json.loads(process.stdout.readline())["url"] + "api/v1/jobs"
        asked = urllib.request.Request(
            api, b'{"kind": "index"}', {"content-type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            job_id = json.load(answer)["id"]
        with urllib.request.urlopen(f"{api}/{job_id}/events", timeout=30):
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            process.wait(30)
            assert time.monotonic() - began < 4
    assert jobs.one(database, job_id).state == "interrupted"
    database.close()
