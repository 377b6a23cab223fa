"""The command line, in this process where it can be and as a process where it must be."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner, Result

import small_shop
import tiefvision
from small_shop import SmallShop
from tiefvision.cli import app, text
from tiefvision.cli.bars import Bars, bars
from tiefvision.store import leases
from tiefvision.tasks.opened import opened

PROGRAM = [sys.executable, "-m", "tiefvision"]
HELP_S = 0.25


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SmallShop:
    """A catalogue that tests only read."""
    return small_shop.built(tmp_path_factory.mktemp("cli"))


@pytest.fixture(autouse=True)
def no_catalogue_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIEFVISION_CATALOGUE", raising=False)


def typed(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(*words: object) -> Any:
    """The JSON document that a command prints."""
    result = typed(*words, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


# --- help and options --------------------------------------------------------------------------


def every_command() -> list[tuple[str, typer.models.CommandInfo]]:
    groups = [(group.name, group.typer_instance) for group in app.registered_groups]
    return [
        (f"{name or ''} {command.name or command.callback.__name__}".strip(), command)
        for name, group in groups
        if group is not None
        for command in group.registered_commands
        if command.callback is not None
    ]


def test_every_command_is_there_and_takes_json() -> None:
    commands = dict(every_command())
    assert set(commands) == {
        "index",
        "search",
        "status",
        "doctor",
        "demo",
        "serve",
        "encoders list",
        "encoders add",
        "roots list",
        "roots move",
        "catalogue copy",
        "catalogue snapshot",
        "boxes export",
        "boxes import",
        "boxes list",
        "boxes remove",
        "locate",
        "models activate",
        "models list",
        "models remove",
        "models show",
        "models undo",
        "train locator",
        "train ranker",
        "triplets answer",
        "triplets ask",
        "triplets derive",
        "triplets export",
        "triplets import",
        "triplets list",
        "triplets remove",
    }
    for name in commands:
        shown = typed(*name.split(), "--help")
        assert shown.exit_code == 0 and "--json" in shown.output, name


def test_version_is_the_packages() -> None:
    assert typed("--version").output.strip() == f"tiefvision {tiefvision.__version__}"


def test_help_answers_at_once() -> None:
    # Processor time of the whole process, which a busy machine does not lengthen.
    def seconds() -> float:
        before = os.times()
        subprocess.run([*PROGRAM, "--help"], check=True, capture_output=True)
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    assert min(seconds() for _ in range(3)) < HELP_S


# --- search --------------------------------------------------------------------------------------


def test_search_prints_rank_similarity_path_and_attributes(
    shop: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.folder)
    result = typed("search", shop.files[0], "-c", shop.catalogue, "-k", 2)
    assert result.exit_code == 0
    header, first, second = result.stdout.splitlines()[:3]
    assert header.split() == ["similarity", "photograph", "attributes"]
    assert first.split()[:3] == ["1", "1.000", f"photos/{shop.files[0].name}"]
    assert "kind dress" in first and second.startswith("2")
    assert "2 of 8 images in" in result.stdout


def test_search_json_is_the_result_of_the_python_search(shop: SmallShop) -> None:
    body = answer("search", shop.files[1], "-c", shop.catalogue, "-k", 3)
    expected = tiefvision.search(shop.files[1], catalogue=shop.catalogue, k=3)
    assert [tiefvision.Hit(**hit) for hit in body["hits"]] == expected.hits
    assert body["query_box"] == expected.query_box and body["images"] == 8
    names = {"id", "path", "similarity", "box", "attributes", "also", "box_source", "contributions"}
    assert all(set(hit) == names for hit in body["hits"])


def test_search_options_reach_the_search(shop: SmallShop, tmp_path: Path) -> None:
    file, place = shop.files[0], shop.catalogue
    every = answer("search", file, "-c", place, "-k", 8)["hits"]
    kind = every[-1]["attributes"]["kind"]
    same = answer("search", file, "-c", place, "--where", f"kind = '{kind}'", "-k", 8)["hits"]
    assert same == [hit for hit in every if hit["attributes"]["kind"] == kind] != every
    assert answer("search", file, "-c", place, "--box", "1,2,300,400")["query_box"] == [
        1,
        2,
        300,
        400,
    ]
    assert answer("search", "--id", 3, "-c", place, "-k", 1)["hits"][0]["id"] == 3
    mirrored = answer("search", file, "-c", place, "--mirror")["hits"]
    plain = answer("search", file, "-c", place)["hits"]
    best = {hit["id"]: hit["similarity"] for hit in plain}
    assert all(hit["similarity"] >= best.get(hit["id"], -1) - 1e-6 for hit in mirrored)
    sheet = tmp_path / "sheet.png"
    answer("search", file, "-c", place, "--sheet", sheet)
    with Image.open(sheet) as written:
        assert written.format == "PNG"


def test_search_without_a_query_is_an_error(shop: SmallShop) -> None:
    result = typed("search", "-c", shop.catalogue)
    assert result.exit_code == 2 and "an IMAGE, or an --id" in result.stderr


def test_search_takes_several_images_and_some_to_avoid(shop: SmallShop) -> None:
    first, second, third = shop.files[:3]
    place = ("-c", shop.catalogue, "-k", 8)
    together = answer("search", first, second, "--not", third, *place)["hits"]
    assert {hit["path"] for hit in together[:2]} == {str(first), str(second)}
    by_id = {hit["path"]: hit["id"] for hit in together}
    ids = [by_id[str(file)] for file in (first, second, third)]
    again = answer("search", "--id", ids[0], "--id", ids[1], "--not-id", ids[2], *place)["hits"]
    assert [hit["id"] for hit in again] == [hit["id"] for hit in together]
    alone = {hit["id"]: hit["similarity"] for hit in answer("search", first, *place)["hits"]}
    similarity = {hit["id"]: hit["similarity"] for hit in together}
    assert similarity[ids[1]] > alone[ids[1]] and similarity[ids[2]] < alone[ids[2]]


def test_cold_search_loads_nothing_that_it_can_do_without(shop: SmallShop) -> None:
    code = (
        "import sys\n"
        "from tiefvision.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    words = ["search", str(shop.files[0]), "-c", str(shop.catalogue)]
    typed(*words)  # lays the scan out
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert "8 images in" in done.stdout
    heavy = {"lance", "lancedb", "pyarrow", "alembic", "torch", "onnx", "pandas", "watchfiles"}
    assert not set(done.stderr.split()) & heavy


# --- names that terminals and markup trip over ------------------------------------------------


def test_odd_names_are_shown_as_escapes_and_markup_is_text(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path, count=3)
    content = shop.files[0].read_bytes()
    odd = os.fsencode(shop.photos) + b"/[red]x[b] \x1b[31m\n\xff.jpg"
    Path(os.fsdecode(odd)).write_bytes(content)
    (shop.photos / "日本 ü.jpg").write_bytes(content)
    indexed = typed("index", shop.photos, "-c", shop.catalogue)
    assert indexed.exit_code == 0
    shown = typed("search", shop.files[0], "-c", shop.catalogue).stdout
    assert r"[red]x[b] \x1b[31m\n\xff.jpg" in shown and "日本 ü.jpg" in shown
    also = answer("search", shop.files[0], "-c", shop.catalogue)["hits"][0]
    assert os.fsdecode(odd) in [also["path"], *also["also"]]


def test_printable_keeps_letters_and_escapes_the_rest() -> None:
    assert text.printable("Kleid é 日本\u3000x") == "Kleid é 日本\u3000x"
    assert text.printable("a\tb\n\x1b[0m\udc80\u202e") == r"a\tb\n\x1b[0m\x80\u202e"
    assert text.printable("a\nb", lines=True) == "a\nb"


def test_paths_below_the_working_folder_are_short() -> None:
    assert text.near_path("/a/b/c.jpg", start="/a") == "b/c.jpg"
    assert text.near_path("/ab/c.jpg", start="/a") == "/ab/c.jpg"
    assert text.near_path("/a", start="/a") == "/a"


def test_sizes_and_times_are_for_people() -> None:
    assert [text.size(n) for n in (0, 999, 1_000, 12_345_678)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "12.3 MB",
    ]
    assert [text.duration(s) for s in (0.44, 75, 3_660)] == ["0.4 s", "1 min 15 s", "1 h 1 min"]


# --- errors ----------------------------------------------------------------------------------


def test_error_is_message_then_remedy_on_stderr(tmp_path: Path) -> None:
    result = typed("status", "-c", tmp_path / "none")
    assert result.exit_code == 3 and result.stdout == ""
    message, remedy = result.stderr.splitlines()
    assert message.startswith("error: there is no catalogue in")
    assert remedy.startswith("next: make one with: tiefvision index")


def test_error_in_json_is_one_document_on_stdout(shop: SmallShop, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    cases = [
        (["status", "-c", str(tmp_path / "none")], 3, "NotFound"),
        (["search", str(broken), "-c", str(shop.catalogue)], 2, "UnreadableImage"),
        (["search", str(shop.files[0]), "-c", str(shop.catalogue), "--where", "knd = 1"], 2,
         "InvalidFilter"),
        (["search", str(shop.files[0]), "-c", str(shop.catalogue), "--box", "1,2"], 2,
         "InvalidBox"),
        (["index", str(tmp_path / "no"), "-c", str(tmp_path / "c")], 3, "NotFound"),
    ]  # fmt: skip
    for words, code, kind in cases:
        result = typed(*words, "--json")
        error = json.loads(result.stdout)["error"]
        assert (result.exit_code, error["type"]) == (code, kind)
        assert set(error) == {"type", "message", "remedy"} and error["message"]
        assert result.stderr == ""


def test_other_process_at_work_is_a_conflict(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path, count=3)
    with opened(shop.catalogue) as own, leases.hold(own.database, "index"):
        result = typed("index", shop.photos, "-c", shop.catalogue)
    assert result.exit_code == 5 and "already at work" in result.stderr


def test_folder_that_cannot_be_written_is_said_without_a_traceback(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path, count=3)
    (tmp_path / "file").write_text("no folder")
    result = typed("index", shop.photos, "-c", tmp_path / "file" / "shop")
    assert result.exit_code == 7 and "refused" in result.stderr
    assert result.stderr.splitlines()[1].startswith("next: check")


def test_unknown_option_is_named_with_its_neighbour() -> None:
    plain = subprocess.run([*PROGRAM, "search", "--wher", "x"], capture_output=True, text=True)
    assert plain.returncode == 2 and "--wher" in plain.stderr and "--where" in plain.stderr
    as_json = subprocess.run(
        [*PROGRAM, "search", "--wher", "x", "--json"], capture_output=True, text=True
    )
    error = json.loads(as_json.stdout)["error"]
    assert as_json.returncode == 2 and error["type"] == "InvalidInput"
    assert "--where" in error["message"] and as_json.stderr == ""


@pytest.mark.slow
def test_reader_that_leaves_early_is_no_error(shop: SmallShop) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = ["search", str(shop.files[0]), "-c", str(shop.catalogue)]
    for options in ([], ["--json"]):
        done = subprocess.run([*PROGRAM, *words, *options], stdout=writer, stderr=subprocess.PIPE)
        assert done.returncode == 1 and done.stderr == b""
    os.close(writer)


def test_plain_terminal_shows_odd_names_without_failing(shop: SmallShop) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    words = ["search", str(shop.files[0]), "-c", str(shop.catalogue)]
    done = subprocess.run([*PROGRAM, *words], capture_output=True, env=environment, check=True)
    assert shop.files[0].name.encode() in done.stdout


# --- index -----------------------------------------------------------------------------------


def test_index_says_what_it_did_and_what_to_type_next(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path, count=3)
    (shop.photos / "broken.jpg").write_bytes(b"no image")
    (shop.photos / "notes.txt").write_text("no image")
    shutil.copy(shop.files[1], shop.photos / "copy.jpg")
    shop.files[0].unlink()
    result = typed(
        "index", shop.photos, "-c", shop.catalogue, "--attributes", shop.photos / "attributes.csv"
    )
    assert result.exit_code == 0 and result.stderr == ""
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for part in ("indexed 0", "refused 1", "unchanged"):
        assert any(line.startswith(part) for line in lines), part
    assert any(line.startswith("duplicates 1") for line in lines)
    assert any(line.startswith("vanished 1") and "--prune" in line for line in lines)
    assert any("files that are no images" in line for line in lines)
    assert any(line.startswith("broken.jpg") for line in lines)
    assert any("price number" in line for line in lines)
    assert lines[-1] == f"next: tiefvision search QUERY -c {shop.catalogue}"
    pruned = answer("index", shop.photos, "-c", shop.catalogue, "--prune")
    assert (pruned["pruned"], pruned["vanished"]) == (1, 0)


def noise(folder: Path, count: int) -> None:
    """Many small photographs that all differ."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    for number in range(count):
        pixels = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04}.png", compress_level=0)


def started(folder: Path, catalogue: Path, *options: str) -> subprocess.Popen[str]:
    """An index run that has begun to encode."""
    small_shop.require(small_shop.ENCODER)
    words = ["index", str(folder), "-c", str(catalogue), "--encoder", small_shop.ENCODER]
    process = subprocess.Popen(
        [*PROGRAM, *words, "--workers", "1", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (catalogue / "catalogue.db").exists() and typed_todo(catalogue):
            return process
        time.sleep(0.02)
    raise AssertionError(f"the run did not begin: {process.communicate()}")


def typed_todo(catalogue: Path) -> int:
    with opened(catalogue) as own:
        return own.todo_count()


@pytest.mark.slow
def test_first_interrupt_finishes_what_is_in_hand_and_the_next_run_goes_on(tmp_path: Path) -> None:
    noise(tmp_path / "photos", 300)
    process = started(tmp_path / "photos", tmp_path / "shop")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "finishing the images in hand" in err and "Traceback" not in err
    left = answer("status", "-c", tmp_path / "shop")
    assert left["todo"] > 0 and left["indexed"] + left["todo"] == 300
    assert f"{left['indexed']} done, {left['todo']} to go; run it again to go on" in out
    again = answer("index", tmp_path / "photos", "-c", tmp_path / "shop")
    assert again["indexed"] == left["todo"] and again["total"] == 300


@pytest.mark.slow
def test_second_interrupt_ends_at_once_and_loses_nothing(tmp_path: Path) -> None:
    noise(tmp_path / "photos", 300)
    process = started(tmp_path / "photos", tmp_path / "shop")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "Traceback" not in err
    again = answer("index", tmp_path / "photos", "-c", tmp_path / "shop")
    assert again["total"] == 300
    assert answer("doctor", "-c", tmp_path / "shop")["healthy"]


@pytest.mark.slow
def test_watch_ends_cleanly_on_interrupt(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path, count=3)
    process = subprocess.Popen(
        [*PROGRAM, "index", str(shop.photos), "-c", str(shop.catalogue), "--watch", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["unchanged"] == 3
    (shop.photos / "new.jpg").write_bytes(shop.files[0].read_bytes() + b"\0\xff\xd9")
    assert json.loads(process.stdout.readline())["indexed"] == 1
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and out == "" and "Traceback" not in err


# --- the other commands --------------------------------------------------------------------


def test_status_shows_counts_and_spaces(shop: SmallShop) -> None:
    shown = typed("status", "-c", shop.catalogue).stdout
    assert "8 can be found (8 indexed)" in shown and small_shop.ENCODER in shown
    body = answer("status", "-c", shop.catalogue)
    assert body["indexed"] == 8 and body["roots"][0]["images"] == 8


def test_doctor_ends_with_healthy_or_with_findings_and_exit_code_one(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path, count=3)
    well = typed("doctor", "-c", shop.catalogue, "--recheck")
    assert well.exit_code == 0 and well.stdout.splitlines()[-1] == "healthy"
    shop.files[0].unlink()
    ill = typed("doctor", "-c", shop.catalogue)
    assert ill.exit_code == 1
    assert ill.stdout.splitlines()[-1].startswith("  next: tiefvision index ")
    as_json = typed("doctor", "-c", shop.catalogue, "--json")
    assert as_json.exit_code == 1 and json.loads(as_json.stdout)["healthy"] is False


def test_encoders_are_listed_with_licence_and_readiness() -> None:
    body = answer("encoders", "list")["encoders"]
    assert {"alexnet", "efficientnet-lite0", "mobilenetv2"} <= {entry["name"] for entry in body}
    assert all(entry["licence"] and entry["channels"] > 0 for entry in body)
    assert "mobilenetv2" in typed("encoders", "list").stdout


def test_encoder_is_added_once(tmp_path: Path) -> None:
    small_shop.require(small_shop.ENCODER)
    body = answer("encoders", "add", small_shop.ENCODER, "--offline")["encoders"]
    assert body[0]["network"] == small_shop.ENCODER
    assert "is ready in" in typed("encoders", "add", small_shop.ENCODER, "--offline").stdout


def test_roots_are_listed_and_moved(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path, count=3)
    assert str(shop.photos) in typed("roots", "list", "-c", shop.catalogue).stdout
    new = tmp_path / "elsewhere"
    shop.photos.rename(new)
    moved = typed("roots", "move", shop.photos, new, "-c", shop.catalogue)
    assert moved.exit_code == 0 and "3 photographs are the same there" in moved.stdout
    assert answer("roots", "list", "-c", shop.catalogue)["roots"][0]["path"] == str(new)


def test_snapshot_says_how_to_search_it(shop: SmallShop, tmp_path: Path) -> None:
    shown = typed("catalogue", "snapshot", tmp_path / "a", "-c", shop.catalogue).stdout
    assert f"next: tiefvision search QUERY -c {tmp_path / 'a'}" in shown
    body = answer("catalogue", "snapshot", tmp_path / "b", "-c", shop.catalogue)
    assert body["images"] == 8 and body["folder"] == str(tmp_path / "b")


def test_copy_says_what_is_equal_and_how_to_use_it(shop: SmallShop, tmp_path: Path) -> None:
    shown = typed("catalogue", "copy", shop.catalogue, tmp_path / "a").stdout
    assert "8 images" in shown and "equal at both ends, sha256" in shown
    assert f"next: tiefvision status -c {tmp_path / 'a'}" in shown
    body = answer("catalogue", "copy", shop.catalogue, tmp_path / "b")
    assert body["rows"]["images"] == 8 and len(body["checksum"]) == 64
    assert body["checksum"] in shown


@pytest.mark.slow
def test_demo_prints_how_to_go_on(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path / "demo", count=6)
    result = typed("demo", tmp_path / "demo", "--photos", shop.photos, "--offline")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("closest to ") == 3
    assert "contact sheet:" in result.stdout
    next_lines = result.stdout.split("next:\n")[1].splitlines()
    assert all(line.startswith("  tiefvision ") for line in next_lines)
    body = answer("demo", tmp_path / "demo", "--photos", shop.photos)
    assert len(body["queries"]) == 3


# --- progress ----------------------------------------------------------------------------------


def test_bars_are_drawn_only_on_a_terminal() -> None:
    file = io.StringIO()
    with bars(Console(file=file, force_terminal=False))("indexing", 10) as advance:
        advance(5)
    assert file.getvalue() == ""


def test_bar_shows_stage_amount_and_rate() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, color_system=None)
    with Bars(console)("fetching [bold]x", 2_000_000, unit="bytes") as advance:
        advance(500_000)
        advance(1_500_000)
    assert "fetching [bold]x" in file.getvalue() and "2.0 MB/2.0 MB" in file.getvalue()
    with Bars(console)("indexing", 1_702) as advance:
        advance(1_000)
        time.sleep(0.02)
        advance(702)
    assert "1,702/1,702" in file.getvalue() and "images/s" in file.getvalue()
