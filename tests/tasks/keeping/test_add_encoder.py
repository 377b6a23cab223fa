"""`tiefvision encoders add`."""

from __future__ import annotations

from pathlib import Path

import pytest

import small_shop
from tiefvision.errors import InvalidInput, NotFound, NotReady
from tiefvision.tasks.keeping.add_encoder import add_encoder


def test_ready_encoder_is_named_with_its_folder() -> None:
    small_shop.require(small_shop.ENCODER)
    (added,) = add_encoder(small_shop.ENCODER, offline=True)
    assert added.network == small_shop.ENCODER and Path(added.folder).is_dir()


def test_offline_without_weights_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path))
    with pytest.raises(NotReady, match="tiefvision encoders add mobilenetv2"):
        add_encoder("mobilenetv2", offline=True)
    with pytest.raises(NotFound):
        add_encoder("mobilenetv2", from_file=tmp_path / "none.whl")


def test_one_file_is_not_enough_for_two_networks(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="2 weight files"):
        add_encoder("alexnet+mobilenetv2", from_file=tmp_path / "weights")
