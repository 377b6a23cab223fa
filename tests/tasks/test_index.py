from __future__ import annotations
from pathlib import Path

def test_basics(shop, draw, tmp_path: Path) -> None:
    draw(tmp_path / "photos", range(30))
    report = shop(tmp_path / "photos")
    print(report)
    assert report.indexed == 30
    report = shop(tmp_path / "photos")
    print(report)
    assert report.unchanged == 30
