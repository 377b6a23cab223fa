"""What the server refuses: other sites' pages, other names, wrong tokens, odd and large uploads."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import stat
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest
from PIL import Image
from served import BASE, Served, serving
from starlette.testclient import TestClient

from small_shop import SmallShop
from tiefvision import settings
from tiefvision.errors import InvalidSettings, StoreError, TooManyRequests
from tiefvision.server.access import TOKEN_VARIABLE, Access, access, hash_of, is_loopback
from tiefvision.server.scopes import SCOPES, Scope, needed
from tiefvision.server.shares import PICTURE, WHOLE, Shares, client_of
from tiefvision.store.home import Home

SEARCH = "/api/v1/search"
EXPLAIN = "/api/v1/explain"
TOKEN = "a-token-of-more-than-sixteen-characters"
OWN = {"origin": BASE, "sec-fetch-site": "same-origin", "x-tiefvision": "1"}


def _jpeg(width: int = 64, height: int = 64) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 128, np.uint8)).save(out, "JPEG")
    return out.getvalue()


# --- whose page asks ---------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1:8000"])
def test_another_name_is_not_answered(read_only: TestClient, host: str) -> None:
    for path in ("/", "/healthz", "/api/v1/status", "/web/search.js"):
        assert read_only.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_the_loopback_names_are_answered(read_only: TestClient, host: str) -> None:
    assert read_only.get("/api/v1/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "http://127.0.0.1:8000.evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_can_neither_read_nor_write(
    read_only: TestClient, headers: dict[str, str]
) -> None:
    given = {**headers, "x-tiefvision": "1"}
    assert read_only.get("/api/v1/status", headers=given).status_code == 403
    assert read_only.delete("/api/v1/images/1/boxes", headers=given).status_code == 403
    upload = read_only.post(SEARCH, files={"image": _jpeg()}, headers=given)
    assert upload.status_code == 403


@pytest.mark.parametrize(
    "headers", [{"origin": BASE}, {"sec-fetch-site": "same-origin"}, {"cookie": "a=b"}]
)
def test_a_browsers_write_needs_the_header_that_no_form_can_send(
    read_only: TestClient, headers: dict[str, str]
) -> None:
    refused = read_only.post(SEARCH, files={"image": _jpeg()}, headers=headers)
    assert refused.status_code == 403
    assert "x-tiefvision" in refused.json()["remedy"]
    own = {**headers, "x-tiefvision": "1"}
    assert read_only.post(SEARCH, files={"image": _jpeg()}, headers=own).status_code == 200


def test_no_other_site_is_given_leave(read_only: TestClient) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "PUT"}
    answer = read_only.options("/api/v1/images/1/boxes", headers=asked)
    assert answer.status_code == 403
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_pages_load_only_what_is_the_servers_own(read_only: TestClient) -> None:
    for path in ("/", "/gallery", "/api/v1/status", "/nothing"):
        headers = read_only.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


_CHANGING = (
    *("/images", "/images/{image_id}", "/boxes", "/session", "/triplets", "/answers"),
    *("/jobs", "/cancel", "/resume", "/activate", "/undo"),
)


def test_nothing_is_changed_by_reading(read_only: TestClient) -> None:
    for path, methods in read_only.get("/openapi.json").json()["paths"].items():
        for method in methods:
            if path.endswith(_CHANGING):
                continue
            assert method == "get" or (path, method) in {(SEARCH, "post"), (EXPLAIN, "post")}


# --- the token ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(drawn_shop: SmallShop) -> Iterator[TestClient]:
    names = frozenset({"127.0.0.1", "shop.example"})
    rules = Access(names, any_address=True, tokens={hash_of(TOKEN): "full"})
    with serving(drawn_shop, rules=rules) as served:
        yield served.client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {hash_of(TOKEN)}"},
        {"authorization": "Bearer "},
        {"cookie": "tiefvision_token=wrong"},
        {"cookie": "tiefvision_token"},
        {"cookie": "\x7f=;;"},
    ],
)
def test_without_the_token_nothing_is_told(guarded: TestClient, headers: dict[str, str]) -> None:
    guarded.cookies.clear()
    for path in ("/api/v1/status", "/api/v1/images/1/thumbnail", "/openapi.json", "/"):
        answer = guarded.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["remedy"]
    posted = guarded.post(SEARCH, json={"image_id": 1}, headers={**headers, "x-tiefvision": "1"})
    assert posted.status_code == 401


def test_a_program_sends_the_token(guarded: TestClient) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/v1/status", headers=headers).status_code == 200
    assert guarded.post(SEARCH, json={"image_id": 1}, headers=headers).status_code == 200
    asked = {**headers, "host": "192.168.1.7:8000"}
    assert guarded.get("/api/v1/status", headers=asked).status_code == 200
    assert guarded.get("/api/v1/status", headers={**headers, "host": "evil"}).status_code == 421


def test_a_browser_logs_in_once(guarded: TestClient) -> None:
    guarded.cookies.clear()
    page = guarded.get("/gallery", headers={"accept": "text/html"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/gallery")
    assert guarded.get("/login").status_code == 200
    assert guarded.get("/web/login.js").status_code == 200
    wrong = guarded.post("/api/v1/session", json={"token": "wrong"}, headers=OWN)
    assert (wrong.status_code, wrong.headers.get("set-cookie")) == (401, None)
    right = guarded.post("/api/v1/session", json={"token": TOKEN}, headers=OWN)
    assert right.status_code == 204
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert guarded.get("/api/v1/status").status_code == 200
    assert guarded.post(SEARCH, json={"image_id": 1}).status_code == 403, "a cookie alone"
    assert guarded.post(SEARCH, json={"image_id": 1}, headers=OWN).status_code == 200
    assert guarded.delete("/api/v1/session", headers=OWN).status_code == 204
    assert guarded.get("/api/v1/status").status_code == 401


def test_the_scope_of_a_token_is_told_to_whoever_holds_it(guarded: TestClient) -> None:
    assert guarded.get("/api/v1/session").status_code == 401
    wrong = {"authorization": "Bearer not-the-token-but-as-long"}
    assert guarded.get("/api/v1/session", headers=wrong).status_code == 401
    held = guarded.get("/api/v1/session", headers={"authorization": f"Bearer {TOKEN}"})
    assert held.json() == {"scope": "full"}


def test_a_log_in_from_another_site_is_refused(guarded: TestClient) -> None:
    headers = {"origin": "http://evil.example", "x-tiefvision": "1"}
    answer = guarded.post("/api/v1/session", json={"token": TOKEN}, headers=headers)
    assert answer.status_code == 403


# Method and route -> the least scope; every route that changes something is here.
_NEEDS = {
    ("post", "/search"): "read",
    ("post", "/explain"): "read",
    ("post", "/images"): "full",
    ("delete", "/images/{image_id}"): "full",
    ("put", "/images/{image_id}/boxes"): "teach",
    ("delete", "/images/{image_id}/boxes"): "teach",
    ("post", "/triplets"): "teach",
    ("delete", "/triplets"): "teach",
    ("post", "/questions/answers"): "teach",
    ("post", "/jobs"): "full",
    ("post", "/jobs/{job_id}/cancel"): "full",
    ("post", "/jobs/{job_id}/resume"): "full",
    ("post", "/models/undo"): "full",
    ("post", "/models/{model_id}/activate"): "full",
}
_OPEN = {("post", "/session"), ("delete", "/session")}


@pytest.fixture(scope="module")
def scoped(drawn_shop: SmallShop) -> Iterator[TestClient]:
    """Three tokens, each called after what it may do."""
    tokens = {hash_of(scope): scope for scope in SCOPES}
    rules = Access(frozenset({"127.0.0.1"}), any_address=True, tokens=tokens)
    with serving(drawn_shop, rules=rules) as served:
        yield served.client


def test_the_scope_of_every_changing_route_is_known(read_only: TestClient) -> None:
    found = {
        (method, path.removeprefix("/api/v1"))
        for path, methods in read_only.get("/openapi.json").json()["paths"].items()
        for method in methods
        if method != "get"
    }
    assert found == _NEEDS.keys() | _OPEN


@pytest.mark.parametrize(("method", "route"), _NEEDS)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_may_do_what_its_scope_covers(
    scoped: TestClient, scope: Scope, method: str, route: str
) -> None:
    """The body is of no type, so that what is let through is refused later and changes nothing."""
    ids = {"{image_id}": "999999", "{job_id}": "999999", "{model_id}": "nothing"}
    path = route
    for name, value in ids.items():
        path = path.replace(name, value)
    headers = {"authorization": f"Bearer {scope}"}
    answer = scoped.request(method.upper(), f"/api/v1{path}", headers=headers)
    wanted = _NEEDS[method, route]
    if SCOPES.index(scope) >= SCOPES.index(wanted):
        assert answer.status_code not in (401, 403)
    else:
        assert answer.status_code == 403
        problem = answer.json()
        assert problem["detail"] == f"this token is for {scope} alone; expected one for {wanted}"
        assert problem["remedy"] == f"tiefvision serve --token --scope {wanted} makes one"


@pytest.mark.parametrize("scope", SCOPES)
def test_every_token_reads(scoped: TestClient, scope: Scope) -> None:
    headers = {"authorization": f"Bearer {scope}"}
    for path in ("/", "/metrics", "/api/v1/status", "/api/v1/questions/next"):
        assert scoped.get(path, headers=headers).status_code == 200
    assert scoped.post(SEARCH, json={"image_id": 1}, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/triplets/", "/api/v1//triplets", "/api/v1/new"])
def test_what_no_list_names_needs_the_fullest(path: str) -> None:
    assert needed("POST", path) == "full"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    return Home(tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "shop.example"])
def test_whoever_listens_to_others_needs_a_token(home: Home, host: str) -> None:
    with pytest.raises(InvalidSettings, match="--token makes one"):
        access(home, host=host)
    rules, made = access(home, host=host, new_token="full")
    assert made is not None
    assert rules.scope_of(made) == "full"
    assert rules.scope_of("") is None
    again, nothing = access(home, host=host)
    assert nothing is None
    assert again.scope_of(made) == "full", "the catalogue remembers it"


def test_a_name_behind_a_proxy_needs_a_token_too(home: Home) -> None:
    with pytest.raises(InvalidSettings):
        access(home, host="127.0.0.1", allowed_hosts=["shop.example"])


def test_this_machine_alone_needs_none(home: Home) -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        rules, made = access(home, host=host)
        assert (rules.tokens, made) == ({}, None)
        assert rules.scope_of("") == "full"
    assert not is_loopback("0.0.0.0")


def test_only_the_hash_of_a_token_is_kept(home: Home) -> None:
    _, made = access(home, host="127.0.0.1", new_token="full")
    assert made is not None
    kept = home.token_file.read_text()
    assert made not in kept
    assert kept == f"{hash_of(made)} full\n"
    assert stat.S_IMODE(home.token_file.stat().st_mode) == 0o600
    _, other = access(home, host="127.0.0.1", new_token="full")
    assert other != made


def test_each_scope_has_a_token_of_its_own(home: Home) -> None:
    home.token_file.write_text(hash_of(TOKEN) + "\n")
    _, reader = access(home, host="127.0.0.1", new_token="read")
    _, teacher = access(home, host="127.0.0.1", new_token="teach")
    rules, other = access(home, host="0.0.0.0", new_token="read")
    given = [reader, teacher, other, TOKEN]
    held = [rules.scope_of(token or "") for token in given]
    assert held == [None, "teach", "read", "full"], "a new reader takes the former one's place"


def test_a_scope_that_nobody_knows_is_named(home: Home) -> None:
    home.token_file.write_text(f"{hash_of(TOKEN)} admin\n")
    with pytest.raises(StoreError, match="'admin'; expected read, teach, full"):
        access(home, host="0.0.0.0")


def test_the_environment_names_a_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    rules, made = access(home, host="0.0.0.0")
    assert made is None
    assert rules.scope_of(TOKEN) == "full"
    assert not home.token_file.exists()
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    with pytest.raises(InvalidSettings, match="5 characters"):
        access(home, host="0.0.0.0")
    monkeypatch.setenv(TOKEN_VARIABLE, "no-header-carries-ἀ")
    with pytest.raises(InvalidSettings, match="ASCII"):
        access(home, host="0.0.0.0")


# --- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/web/../app.py",
        "/web/..%2fapp.py",
        "/web/%2e%2e/%2e%2e/errors.py",
        "/web//etc/passwd",
        "/web/%2fetc%2fpasswd",
        "/web/search.html%00.js",
        "/api/v1/images/..%2f..%2f1/photo",
        "/api/v1/images/1%2f..%2f2/photo",
        "/api/v1/images/-1/photo",
        "/api/v1/images/1e3/photo",
        "/api/v1/images/99999999999999999999999999/photo",
    ],
)
def test_no_path_leads_out(read_only: TestClient, path: str) -> None:
    answer = read_only.get(path)
    assert 400 <= answer.status_code < 500
    assert "root:" not in answer.text
    assert "from __future__" not in answer.text


def test_a_file_name_with_html_is_only_text(read_only: TestClient) -> None:
    answer = read_only.get("/api/v1/images?state=refused")
    assert answer.headers["content-type"] == "application/json"
    (image,) = answer.json()["images"]
    assert image["name"] == "<img src=x onerror=alert(1)>.jpg"


# --- uploads -----------------------------------------------------------------------------------


def test_an_upload_over_the_limit_is_refused_by_what_it_says(read_only: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": "30000000"}
    answer = read_only.post(SEARCH, content=b"--x", headers=headers)
    assert answer.status_code == 413
    assert "20,100,000 bytes" in answer.json()["detail"]


def test_an_upload_over_the_limit_is_refused_while_it_arrives(read_only: TestClient) -> None:
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(40):
            sent += 1
            yield b"\0" * 1_000_000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = read_only.post(SEARCH, content=parts(), headers=headers)
    assert answer.status_code == 413


def test_json_over_the_limit_is_refused(read_only: TestClient) -> None:
    body = b'{"image_id": 1, "label": "' + b"a" * 200_000 + b'"}'
    headers = {"content-type": "application/json"}
    assert read_only.post(SEARCH, content=body, headers=headers).status_code == 413
    boxes = json.dumps({"boxes": [{"box": [1, 1, 20, 20]}] * 50_000}).encode()
    answer = read_only.put("/api/v1/images/1/boxes", content=boxes, headers=headers)
    assert answer.status_code == 413
    parts = iter([boxes[:90_000], boxes[90_000:]])
    assert (
        read_only.put("/api/v1/images/1/boxes", content=parts, headers=headers).status_code == 413
    )


def _bomb(side: int) -> bytes:
    """A PNG of side x side white pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * (side // 8)) * side, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_a_decompression_bomb_is_refused_by_its_header(read_only: TestClient) -> None:
    bomb = _bomb(20_000)
    assert len(bomb) < 100_000
    answer = read_only.post(SEARCH, files={"image": bomb})
    assert answer.status_code == 413
    assert "20000 x 20000 px" in answer.json()["detail"]


@pytest.mark.parametrize(
    "data",
    [b"", b"no image", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", _jpeg()[:300]],
)
def test_what_is_no_image_is_refused(read_only: TestClient, data: bytes) -> None:
    answer = read_only.post(SEARCH, files={"image": data})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:tiefvision:UnreadableImage"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"hello", 415),
        ("application/x-www-form-urlencoded", b"image_id=1", 415),
        ("", b"", 415),
        ("multipart/form-data", b"--x", 400),
        ("multipart/form-data; boundary=x", b"not a form", 400),
        ("application/json", b"{", 400),
        ("application/json", b"[" * 50_000, 400),
        ("application/json", b"\xff\xfe", 400),
    ],
)
def test_a_body_of_another_type_is_refused(
    read_only: TestClient, kind: str, body: bytes, status: int
) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = read_only.post(SEARCH, content=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_a_form_may_hold_one_file_and_known_fields(read_only: TestClient) -> None:
    image = ("a.jpg", _jpeg())
    two = read_only.post(SEARCH, files=[("image", image), ("image", image)])
    assert two.status_code == 400
    other = read_only.post(SEARCH, files={"photo": image})
    assert "no file `image`" in other.json()["detail"]
    text = read_only.post(SEARCH, files={"image": image}, data={"url": "http://10.0.0.1/"})
    assert "url" in text.json()["detail"]


# --- how much is asked -------------------------------------------------------------------------


def test_a_share_fills_again_with_time() -> None:
    now = [0.0]
    shares = Shares(60, now=lambda: now[0])
    for _ in range(60):
        shares.take("10.0.0.1", WHOLE)
    with pytest.raises(TooManyRequests) as refused:
        shares.take("10.0.0.1", WHOLE)
    assert refused.value.retry_after_s == 1
    shares.take("10.0.0.2", WHOLE)
    now[0] = 1.0
    shares.take("10.0.0.1", WHOLE)
    with pytest.raises(TooManyRequests):
        shares.take("10.0.0.1", WHOLE)
    now[0] = 1e6
    for _ in range(60):
        shares.take("10.0.0.1", WHOLE)
    with pytest.raises(TooManyRequests):
        shares.take("10.0.0.1", PICTURE)


def test_all_addresses_of_one_line_are_one_client() -> None:
    assert client_of("2001:db8:1:2::3") == client_of("2001:db8:1:2:ffff::9")
    assert client_of("2001:db8:1:2::3") != client_of("2001:db8:1:3::3")
    assert client_of("::ffff:10.0.0.1") == client_of("10.0.0.1")
    assert client_of("10.0.0.1") != client_of("10.0.0.2")


def _answered(shares: Shares, address: str, requests: int) -> int:
    """How many of so many requests at once an address may make."""
    answered = 0
    for _ in range(requests):
        with contextlib.suppress(TooManyRequests):
            shares.take(address, WHOLE)
            answered += 1
    return answered


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_is_not_limited(address: str) -> None:
    assert _answered(Shares(7), address, 50) == 50
    assert _answered(Shares(7), "10.0.0.1", 50) == 7
    assert _answered(Shares(0), "10.0.0.1", 50) == 50


def test_no_number_of_clients_takes_more_than_so_much_memory() -> None:
    shares = Shares(1)
    for number in range(20_000):
        shares.take(f"10.1.{number // 256}.{number % 256}", WHOLE)
    assert len(shares._levels) == 10_000


@pytest.fixture
def strangers(drawn_shop: SmallShop, tmp_path: Path) -> Iterator[TestClient]:
    """A client of another machine, before a server that takes thirty requests a minute."""
    own = SmallShop(tmp_path)
    shutil.copytree(drawn_shop.catalogue, own.catalogue)
    kept = settings.read(own.catalogue)
    settings.write(own.catalogue, replace(kept, serve=replace(kept.serve, requests_per_minute=30)))
    rules = Access(frozenset({"127.0.0.1"}), any_address=True, tokens={hash_of(TOKEN): "full"})
    with serving(own, rules=rules) as served:
        yield TestClient(served.client.app, base_url=BASE, client=("10.0.0.9", 9))


def test_a_client_over_its_share_is_told_when_to_come_back(strangers: TestClient) -> None:
    token = {"authorization": f"Bearer {TOKEN}"}
    codes = [strangers.get("/api/v1/status", headers=token).status_code for _ in range(31)]
    assert codes == [200] * 30 + [429]
    refused = strangers.get("/api/v1/status", headers=token)
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert refused.json()["detail"] == "more than 30 requests a minute came from 10.0.0.9"
    assert "content-security-policy" in refused.headers


def test_wrong_tokens_take_a_clients_share(strangers: TestClient) -> None:
    wrong = {"token": "not-the-token-but-as-long"}
    codes = [strangers.post("/api/v1/session", json=wrong).status_code for _ in range(4)]
    assert codes == [401, 401, 429, 429]


def test_a_bug_is_a_problem_with_the_guards_headers_and_no_trace(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_given: object, **_named: object) -> None:
        raise RuntimeError("a secret of the program")

    monkeypatch.setattr("tiefvision.server.routes.images.gallery.one", fails)
    answer = served.client.get("/api/v1/images/1")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers
    assert "secret" not in answer.text
    assert "a secret of the program" in caplog.text
    counted = served.client.get("/metrics").text
    assert 'route="/api/v1/images/{image_id}",status="500"} 1.0' in counted


def test_more_than_can_wait_is_refused_and_what_waits_is_answered(served: Served) -> None:
    site = served.client.app.state.site  # type: ignore[attr-defined]
    gate = threading.Event()

    async def crowd() -> list[str]:
        told: list[str] = []

        async def one() -> None:
            try:
                told.append(await site.compute(lambda: "done" if gate.wait(30) else "late"))
            except TooManyRequests:
                told.append("refused")
                gate.set()

        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(one)
        return told

    told = Counter(anyio.run(crowd))
    cores = site.searching.total_tokens
    assert told == {"done": 128 + cores, "refused": 72 - cores}


def test_a_log_in_where_no_token_is_asked_for_keeps_none(read_only: TestClient) -> None:
    answer = read_only.post("/api/v1/session", json={"token": "any ἀ"}, headers=OWN)
    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers
