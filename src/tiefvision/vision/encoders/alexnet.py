"""AlexNet's convolutional part as ONNX.

Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
arXiv 1404.5997, in the form whose ImageNet weights torchvision publishes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tiefvision.vision.encoders.graph import GraphWriter, Tensor
from tiefvision.vision.encoders.recipes import IMAGENET_MEAN, IMAGENET_STD

# (stride, padding) of conv1 to conv5; the kernels' sizes are those of the weights.
_CONVOLUTIONS = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))
_POOL_KERNEL = 3
_POOL_STRIDE = 2
# The convolutions, from 0, after which a max-pool follows; conv5's is the last layer.
_POOLED = (0, 1)


def build_alexnet(
    weights: Mapping[str, np.ndarray],
) -> tuple[GraphWriter, dict[str, Tensor]]:
    """The graph and its tensors conv1 to conv5, pool5 and pool5-dense (its step 1, not 2).

    weights: AlexNet_0/Conv_i/kernel (kernel, kernel, in, out) and AlexNet_0/Conv_i/bias, i from 0.
    """
    graph = GraphWriter()
    x = graph.pixels(mean=IMAGENET_MEAN, std=IMAGENET_STD)
    outputs: dict[str, Tensor] = {}
    for i, (stride, padding) in enumerate(_CONVOLUTIONS):
        kernel = weights[f"AlexNet_0/Conv_{i}/kernel"].transpose(3, 2, 0, 1)
        bias = weights[f"AlexNet_0/Conv_{i}/bias"]
        x = graph.conv(x, kernel, bias, stride=stride, before=padding, after=padding)
        x = graph.relu(x)
        outputs[f"conv{i + 1}"] = x
        if i in _POOLED:
            x = graph.max_pool(x, kernel=_POOL_KERNEL, stride=_POOL_STRIDE)
    outputs["pool5"] = graph.max_pool(x, kernel=_POOL_KERNEL, stride=_POOL_STRIDE)
    outputs["pool5-dense"] = graph.max_pool(x, kernel=_POOL_KERNEL, stride=1)
    return graph, outputs
