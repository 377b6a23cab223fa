"""Photographs come in over the network: sent, indexed, found, deleted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect
from served import Served, serving
from starlette.testclient import TestClient
from walking import NARROW, check_access, walking

from small_shop import SmallShop, built
from tiefvision.store.database import open_database
from tiefvision.tasks.searching.search import Searcher

IMAGES = "/api/v1/images"


def _send(client: TestClient, data: bytes, name: str = "new dress.jpg") -> dict[str, object]:
    answer = client.post(IMAGES, files={"image": (name, data)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def _indexed(client: TestClient, *, demo: bool = False) -> dict[str, object]:
    job = client.post("/api/v1/jobs", json={"kind": "index", "demo": demo}).json()
    deadline = time.monotonic() + 120
    while (job := client.get(f"/api/v1/jobs/{job['id']}").json())["state"] in (
        "waiting",
        "running",
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return job


def test_a_photograph_that_was_sent_is_kept_byte_for_byte_and_once(
    served: Served, drawn_shop: SmallShop
) -> None:
    data = drawn_shop.files[0].read_bytes()
    kept = served.shop.home.uploads
    assert _send(served.client, data) == {"name": "new dress.jpg", "is_new": True}
    assert _send(served.client, data) == {"name": "new dress.jpg", "is_new": False}
    other = _send(served.client, drawn_shop.files[1].read_bytes())
    assert other["name"] != "new dress.jpg" and other["is_new"]
    assert sorted(file.name for file in kept.iterdir()) == sorted(
        ["new dress.jpg", str(other["name"])]
    )
    assert (kept / "new dress.jpg").read_bytes() == data


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../outside.jpg", "outside.jpg"),
        ("C:\\photos\\skirt.PNG", "skirt.PNG"),
        (".hidden.jpg", "hidden.jpg"),
        ("<b>|?.jpeg", "b.jpeg"),
        (" .jpg", "photograph.jpg"),
        (f"{'long' * 100}.jpg", f"{'long' * 15}.jpg"),
    ],
)
def test_a_name_never_leads_out_of_the_folder(
    served: Served, drawn_shop: SmallShop, name: str, kept: str
) -> None:
    assert _send(served.client, drawn_shop.files[0].read_bytes(), name)["name"] == kept
    assert [file.name for file in served.shop.home.uploads.iterdir()] == [kept]


@pytest.mark.parametrize(
    ("files", "fields", "status", "words"),
    [
        ({"image": ("notes.txt", b"text")}, {}, 400, "notes.txt"),
        ({"image": ("page.jpg", b"<html>no image</html>")}, {}, 422, "page.jpg"),
        ({"image": ("empty.jpg", b"")}, {}, 422, "empty.jpg"),
        ({"image": ("start.jpg", b"\xff\xd8\xff")}, {}, 422, "start.jpg"),
        ({"image": ("start.png", b"\x89PNG\r\n\x1a\n")}, {}, 422, "start.png"),
        ({"image": ("start.gif", b"GIF89a")}, {}, 422, "start.gif"),
        ({"image": ("start.bmp", b"BM")}, {}, 422, "start.bmp"),
        ({"photo": ("dress.jpg", b"\xff\xd8")}, {}, 400, "no file `image`"),
        (None, {}, 415, "multipart/form-data"),
    ],
)
def test_what_is_no_photograph_is_refused_and_leaves_nothing(
    served: Served,
    files: dict[str, tuple[str, bytes]] | None,
    fields: dict[str, str],
    status: int,
    words: str,
) -> None:
    answer = served.client.post(IMAGES, files=files, data=fields)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    kept = served.shop.home.uploads
    assert not kept.exists() or not list(kept.iterdir())


@pytest.mark.slow
def test_a_sent_photograph_is_found_then_deleted_and_found_no_more(
    served: Served, drawn_shop: SmallShop, tmp_path: Path
) -> None:
    fresh = built(tmp_path / "fresh", count=26).files[-1].read_bytes()
    _send(served.client, fresh)
    job = _indexed(served.client)
    assert job["state"] == "done", str(job)
    hit = Searcher(served.shop).search(fresh, k=1).hits[0]
    assert Path(hit.path).name == "new dress.jpg"
    assert served.client.delete(f"{IMAGES}/{hit.id}").status_code == 204
    assert not (served.shop.home.uploads / "new dress.jpg").exists()
    hits = Searcher(served.shop).search(fresh, k=30).hits
    assert hit.id not in [each.id for each in hits]
    assert served.client.delete(f"{IMAGES}/{hit.id}").status_code == 404


@pytest.mark.slow
def test_a_demo_is_drawn_with_attributes_and_taken_back(tmp_path: Path) -> None:
    shop = SmallShop(tmp_path)
    shop.catalogue.mkdir()
    open_database(shop.catalogue).close()
    with serving(shop) as served:
        job = _indexed(served.client, demo=True)
        assert job["state"] == "done", str(job)
        page = served.client.get(IMAGES, params={"where": "kind = 'dress'"}).json()
        assert page["images"]
        dress = page["images"][0]["id"]
        assert served.client.delete(f"{IMAGES}/{dress}").status_code == 204
        assert served.client.get(f"{IMAGES}/{dress}").status_code == 404
        # The next run takes the folder of all that was sent, the drawn ones in it.
        again = _indexed(served.client)
        assert again["state"] == "done", str(again)
        assert served.client.get("/api/v1/status").json()["searchable"] == 299


def test_a_photograph_of_another_folder_is_not_deleted(
    served: Served, drawn_shop: SmallShop
) -> None:
    answer = served.client.delete(f"{IMAGES}/1")
    assert answer.status_code == 409
    assert "--prune" in answer.json()["remedy"]
    assert all(file.exists() for file in drawn_shop.files)


@pytest.mark.slow
def test_a_first_visit_drops_photographs_and_searches(
    drawn_shop: SmallShop, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    open_database(shop).close()
    with walking(shop) as walk:
        page = walk.open("/", size=NARROW, scheme="dark")
        expect(page.get_by_text("No photographs yet")).to_be_visible()
        check_access(page)
        bad = tmp_path / "broken.jpg"
        bad.write_bytes(b"no image")
        page.locator(".adding input[type=file]").set_input_files([*drawn_shop.files[:6], bad])
        expect(page.locator("#strip li")).to_have_count(6, timeout=120_000)
        page.locator("#strip a").first.click()
        expect(page.locator("#hits li")).to_have_count(5)


@pytest.mark.slow
def test_a_first_visit_names_a_folder_of_the_server(drawn_shop: SmallShop, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    open_database(shop).close()
    with walking(shop) as walk:
        page = walk.open("/")
        page.get_by_label("folder of this machine").fill("/no/such/folder")
        page.get_by_role("button", name="Index it").click()
        expect(page.locator(".adding .problem")).to_contain_text("no folder")
        page.get_by_label("folder of this machine").fill(str(drawn_shop.photos))
        page.get_by_role("button", name="Index it").click()
        expect(page.locator("#strip li").first).to_be_visible(timeout=120_000)
