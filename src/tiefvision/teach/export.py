"""A transformers model as a model folder: exported once, run without torch ever after."""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiefvision.errors import InvalidInput, NotReady, WeightsError
from tiefvision.vision import artefacts
from tiefvision.vision.artefacts import Artefact
from tiefvision.vision.encoders.cache import folder_of
from tiefvision.vision.encoders.network import MODEL_FILE
from tiefvision.vision.encoders.onnx_options import OnnxOptions
from tiefvision.vision.encoders.specification import HUB
from tiefvision.vision.encoders.surgery import rewrite

if TYPE_CHECKING:
    import torch

# The families whose last hidden state is known to be patch tokens or a feature map.
FAMILIES = (
    "dinov2",
    "dinov2_with_registers",
    "dinov3_vit",
    "dinov3_convnext",
    "siglip",
    "siglip_vision_model",
    "clip",
    "clip_vision_model",
    "convnext",
    "convnextv2",
    "resnet",
)
_DEFAULT_SIDE = 224
# The first opset that torch's exporter writes without converting down.
_OPSET = 18
_MAP_DIMENSIONS = 4


def export(name: str, *, progress: Callable[[str], None] | None = None) -> Artefact:
    """The model folder in the user's cache of "hf:ORG/NAME" or "hf:FOLDER".

    The grid is the last hidden state: patch tokens without class and register tokens, or the
    last feature map of a convolutional network. Side and normalisation are those of the model's
    preprocessor_config.json. progress: called with the name of each step.
    Raises NotReady without the teach extra, InvalidInput for a model of another family,
    WeightsError when there is no such model or the hub cannot be reached.
    """
    report = progress or _silent
    source = name.removeprefix(HUB)
    if source == name or not source:
        raise InvalidInput(f"{name!r} is not a model of a hub; hf:ORG/NAME or hf:FOLDER expected")
    with warnings.catch_warnings():
        # torch and transformers warn about their own next versions while exporting.
        warnings.simplefilter("ignore")
        report("loading")
        family, network, options = _load(source)
        with tempfile.TemporaryDirectory(prefix="tiefvision-") as place:
            path = Path(place) / "exported.onnx"
            report("exporting")
            options = _write_onnx(network, options, path)
            report("checking")
            content, description = rewrite(path, options, name=name)
    return artefacts.write(
        folder_of(name),
        description={
            **description,
            "licence": "as the model's page says",
            "source": f"{name} ({family})",
        },
        files={MODEL_FILE: content},
    )


def _silent(_step: str) -> None:
    pass


def _load(source: str) -> tuple[str, torch.nn.Module, OnnxOptions]:
    """Family, network and preprocessing of a model folder or a model on the hub."""
    # torch and transformers take seconds to import and belong to the teach extra.
    try:
        importlib.import_module("torch")
        import transformers
    except ImportError as error:
        raise NotReady(
            f"exporting hf:{source} needs torch and transformers",
            remedy="type `pip install 'tiefvision[teach]'`",
        ) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    folder = Path(source).expanduser()
    place = str(folder) if folder.is_dir() else source
    try:
        config = transformers.AutoConfig.from_pretrained(place)
        if config.model_type not in FAMILIES:
            raise InvalidInput(
                f"hf:{source} is a {config.model_type}; known are {', '.join(FAMILIES)}",
                remedy="export it to ONNX yourself and name it as onnx:PATH",
            )
        # Only safetensors: a pickled checkpoint could run code of its author's choice.
        model = transformers.AutoModel.from_pretrained(place, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"hf:{source} could not be loaded: {str(error).splitlines()[0]}",
            remedy="check the name and the network, or name a folder with the model: hf:FOLDER",
        ) from error
    # Models of text and image have a vision tower; the others are one.
    network = getattr(model, "vision_model", model).eval()
    return config.model_type, network, _options(place, network.config)


def _options(place: str, config: Any) -> OnnxOptions:
    """Side and normalisation from preprocessor_config.json, else from the model's config."""
    # As in _load.
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        given, _ = ImageProcessingMixin.get_image_processor_dict(place)
    except OSError:
        given = {}
    side = (
        _side(given.get("crop_size"))
        or _side(given.get("size"))
        or _side(getattr(config, "image_size", None))
        or _DEFAULT_SIDE
    )
    plain = OnnxOptions()
    return OnnxOptions(
        side=side,
        mean=tuple(given.get("image_mean") or plain.mean),
        std=tuple(given.get("image_std") or plain.std),
    )


def _side(size: int | Mapping[str, int] | None) -> int | None:
    """Pixels of the square in any of the ways in which preprocessor_config.json says it."""
    if isinstance(size, Mapping):
        return size.get("height") or size.get("shortest_edge")
    return size


def _write_onnx(network: torch.nn.Module, options: OnnxOptions, path: Path) -> OnnxOptions:
    """Exports the last hidden state; the options with its layout and tokens to skip."""
    # As in _load.
    import torch

    class LastHiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
            return self.network(pixel_values=pixel_values).last_hidden_state

    side = options.side or _DEFAULT_SIDE
    module = LastHiddenState().eval()
    example = torch.zeros(1, 3, side, side)
    with torch.no_grad():
        shape = tuple(module(example).shape)
    is_map = len(shape) == _MAP_DIMENSIONS
    free = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC} if is_map else {}
    torch.onnx.export(
        module,
        (example,),
        str(path),
        dynamo=True,
        opset_version=_OPSET,
        input_names=["pixel_values"],
        output_names=["last_hidden_state"],
        dynamic_shapes=(free,),
        external_data=False,
        verbose=False,
    )
    return OnnxOptions(
        side=side,
        mean=options.mean,
        std=options.std,
        output="last_hidden_state",
        layout="nchw" if is_map else "tokens",
        skip_tokens=None if is_map else _tokens_before_patches(network, shape[1], side),
    )


def _tokens_before_patches(network: torch.nn.Module, tokens: int, side: int) -> int:
    """Class and register tokens: all those that are no patch."""
    config: Any = network.config
    patch = int(config.patch_size)
    return tokens - (side // patch) ** 2
