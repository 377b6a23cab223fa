"""teach/export.py on small random models saved to a folder."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tiefvision.errors import InvalidInput, NotReady, WeightsError
from tiefvision.vision import encoders

pytestmark = pytest.mark.slow


def _import(name: str) -> ModuleType:
    """A module of the teach extra; where CI is set, its absence fails the tests."""
    if os.environ.get("CI"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"the export needs the teach extra: {name}")


torch = _import("torch")
transformers = _import("transformers")

SIDE = 56
PATCH = 14
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}


def _save(model: object, folder: Path) -> str:
    model.save_pretrained(folder)  # type: ignore[attr-defined]
    (folder / "preprocessor_config.json").write_text(
        '{"image_processor_type": "BitImageProcessor", "do_normalize": true, '
        f'"crop_size": {{"height": {SIDE}, "width": {SIDE}}}, '
        f'"image_mean": {MEAN}, "image_std": {STD}}}'
    )
    return f"hf:{folder}"


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _expected(network: object, pixels: np.ndarray) -> np.ndarray:
    values = (pixels / 255 - MEAN) / STD
    batch = torch.tensor(values.transpose(2, 0, 1)[None], dtype=torch.float32)
    with torch.no_grad():
        return network(pixel_values=batch).last_hidden_state[0].numpy()  # type: ignore[operator]


def _check_tokens(model: object, network: object, skipped: int, folder: Path) -> None:
    from tiefvision.teach.export import export

    name = _save(model, folder)
    export(name)
    encoder = encoders.load(name)
    pixels = _noise(SIDE, SIDE)
    (grid,) = encoder.encode(pixels)
    tokens = _expected(network, pixels)
    cells = SIDE // PATCH
    assert grid.shape == (cells, cells, 32)
    np.testing.assert_allclose(
        grid, tokens[skipped:].reshape(cells, cells, 32), rtol=1e-4, atol=1e-4
    )
    assert not encoder.parts[0].any_size
    assert encoder.encode(_noise(80, 120))[0].shape == (cells, cells, 32)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
def test_dinov2_grid_is_its_patch_tokens_without_the_class_token(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = transformers.Dinov2Model(transformers.Dinov2Config(**VIT)).eval()
    _check_tokens(model, model, 1, tmp_path / "dino")


@pytest.mark.slow
def test_register_tokens_are_dropped_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.Dinov2WithRegistersConfig(**VIT, num_register_tokens=4)
    model = transformers.Dinov2WithRegistersModel(config).eval()
    _check_tokens(model, model, 5, tmp_path / "registers")


@pytest.mark.slow
def test_clip_gives_the_grid_of_its_vision_tower(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config={
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "vocab_size": 50,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "intermediate_size": 16,
        },
        vision_config={**VIT, "intermediate_size": 64},
    )
    model = transformers.CLIPModel(config).eval()
    _check_tokens(model, model.vision_model, 1, tmp_path / "clip")


@pytest.mark.slow
def test_siglip_has_no_token_to_drop(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.SiglipVisionConfig(**VIT, intermediate_size=64)
    model = transformers.SiglipVisionModel(config).eval()
    _check_tokens(model, model, 0, tmp_path / "siglip")


@pytest.mark.slow
@pytest.mark.parametrize("family", ["convnext", "resnet"])
def test_feature_map_of_a_convolutional_network_keeps_any_size(family: str, tmp_path: Path) -> None:
    from tiefvision.teach.export import export

    torch.manual_seed(0)
    if family == "convnext":
        config = transformers.ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1])
        model = transformers.ConvNextModel(config).eval()
    else:
        config = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]
        )
        model = transformers.ResNetModel(config).eval()
    name = _save(model, tmp_path / family)
    export(name)
    encoder = encoders.load(name)
    assert encoder.parts[0].any_size
    for height, width in ((SIDE, SIDE), (96, 160)):
        pixels = _noise(height, width)
        expected = _expected(model, pixels).transpose(1, 2, 0)
        np.testing.assert_allclose(encoder.encode(pixels)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_model_of_another_family_is_refused_by_name(tmp_path: Path) -> None:
    from tiefvision.teach.export import export

    config = transformers.BertConfig(hidden_size=8, num_attention_heads=1)
    config.save_pretrained(tmp_path / "bert")
    with pytest.raises(InvalidInput, match="is a bert; known are dinov2"):
        export(f"hf:{tmp_path / 'bert'}")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    from tiefvision.teach.export import export

    model = transformers.Dinov2Model(transformers.Dinov2Config(**VIT))
    model.config.save_pretrained(tmp_path / "dino")
    torch.save(model.state_dict(), tmp_path / "dino" / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="could not be loaded"):
        export(f"hf:{tmp_path / 'dino'}")


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from tiefvision.teach.export import export

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NotReady, match=r"pip install 'tiefvision\[teach\]'"):
        export("hf:some/model")


def test_a_model_that_was_not_exported_says_what_to_type() -> None:
    with pytest.raises(NotReady, match=r"type `tiefvision encoders add hf:some/model`"):
        encoders.load("hf:some/model")
