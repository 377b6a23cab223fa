"""Any ONNX file as an encoder: onnx:PATH.

The file is rewritten once into a model folder with the interface of our own graphs (pixels in,
grids out) and run on noise, so that a file that cannot be an encoder is refused at once.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from tiefvision.errors import NotFound
from tiefvision.vision import artefacts
from tiefvision.vision.encoders import cache, onnx_options
from tiefvision.vision.encoders.network import MODEL_FILE, NetworkFolder, read_folder
from tiefvision.vision.encoders.onnx_options import OnnxOptions
from tiefvision.vision.encoders.specification import ONNX


def adapt(path: Path, options: OnnxOptions | None = None) -> NetworkFolder:
    """The model folder made of an ONNX file; made again only when file or options changed.

    options: None reads them from the file of the same name ending in .json, if there is one.
    Raises NotFound without the file, InvalidInput when it cannot be an encoder.
    """
    if not path.is_file():
        raise NotFound(f"there is no ONNX file {path}")
    chosen = options if options is not None else onnx_options.read(path.with_suffix(".json"))
    origin = sha256(
        path.read_bytes() + json.dumps(asdict(chosen), sort_keys=True).encode()
    ).hexdigest()
    network = f"{ONNX}{path}"
    found = cache.find(network)
    if found is not None and found.artefact.description.get("origin") == origin:
        return found
    # The onnx package takes a third of a second to import, and only a new file needs it.
    from tiefvision.vision.encoders.surgery import rewrite

    content, description = rewrite(path, chosen, name=network)
    folder = cache.folder_of(network)
    artefacts.write(
        folder,
        description={
            **description,
            "licence": "as its owner says",
            "source": path.name,
            "origin": origin,
        },
        files={MODEL_FILE: content},
    )
    return read_folder(folder)
