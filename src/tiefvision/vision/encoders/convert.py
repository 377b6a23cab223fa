"""A published weight file becomes a model folder, once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tiefvision.vision import artefacts
from tiefvision.vision.artefacts import Artefact, Json
from tiefvision.vision.encoders import pickles
from tiefvision.vision.encoders.alexnet import build_alexnet
from tiefvision.vision.encoders.graph import GraphWriter, Tensor
from tiefvision.vision.encoders.mobile import build_efficientnet_lite, build_mobilenetv2
from tiefvision.vision.encoders.network import MODEL_FILE
from tiefvision.vision.encoders.recipes import NETWORKS, Network


def convert(name: str, weight_file: bytes, *, folder: Path) -> Artefact:
    """The model folder of a built-in network, written from the bytes of its weight file.

    Raises WeightsError when the file holds anything but arrays.
    """
    network = NETWORKS[name]
    graph, tensors = _build(network, weight_file)
    outputs = {layer: tensors[layer] for layer in network.layers}
    return artefacts.write(
        folder,
        description=_describe(name, network, outputs),
        files={MODEL_FILE: graph.finish(name, outputs)},
    )


def _describe(name: str, network: Network, outputs: Mapping[str, Tensor]) -> dict[str, Json]:
    return {
        "kind": "encoder",
        "name": name,
        "version": network.version,
        "side": network.side,
        "any_size": True,
        "licence": network.licence,
        "source": f"{network.source.package} {network.source.version}",
        "layers": [
            {
                "name": layer,
                "channels": tensor.channels,
                "stride": tensor.geometry.stride,
                "receptive_field": tensor.geometry.receptive_field,
                "offset": tensor.geometry.offset,
            }
            for layer, tensor in outputs.items()
        ],
    }


def _build(network: Network, weight_file: bytes) -> tuple[GraphWriter, dict[str, Tensor]]:
    match network.architecture:
        case "alexnet":
            return build_alexnet(pickles.read_numpy(weight_file))
        case "efficientnet-lite":
            return build_efficientnet_lite(
                pickles.read_torch(weight_file),
                side=network.side,
                width=network.width,
                depth=network.depth,
            )
        case "mobilenetv2":
            return build_mobilenetv2(pickles.read_torch(weight_file))
