"""Layers of small networks as products of matrices: shapes that anybody may read in the networks' descriptions.

A convolution is the product of its unrolled input (M output pixels, K = kernel x channels) and its weights (N output
channels), as in SCALE-Sim; a depthwise one is a product with N = 1 for each channel. Sources of the shapes: MLPerf Tiny
(DS-CNN, MobileNetV1 0.25 at 96 x 96, ResNet-8, the fully connected auto-encoder), TinyLlama-1.1B for the language
model (one block; prefill of 128 or 512 tokens, decoding of one token against 1,024 or 2,048), small encoders of 128 and
256 tokens for attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["gemm", "pointwise", "conv", "depthwise", "attention"]


@dataclass(frozen=True, slots=True)
class Layer:
    """`repeat` products of an M x K and a K x N matrix; `inputs` are the distinct elements of the first."""

    name: str
    kind: Kind
    m: int
    n: int
    k: int
    repeat: int = 1
    distinct: int = 0
    """Where rows of the first matrix overlap, as in a convolution: how many elements it is made of. 0: all."""

    @property
    def macs(self) -> int:
        return self.m * self.n * self.k * self.repeat

    @property
    def inputs(self) -> int:
        return min(self.distinct, self.m * self.k) or self.m * self.k


def gemm(name: str, m: int, n: int, k: int, repeat: int = 1) -> Layer:
    return Layer(name, "gemm", m, n, k, repeat)


def pointwise(name: str, height: int, width: int, channels: int, filters: int) -> Layer:
    """A 1 x 1 convolution over `height` x `width` pixels."""
    return Layer(name, "pointwise", height * width, filters, channels)


def conv(
    name: str, out: tuple[int, int], channels: int, filters: int, kernel: tuple[int, int], stride: int = 1
) -> Layer:
    """A convolution that makes `out` (height, width) pixels."""
    distinct = channels * ((out[0] - 1) * stride + kernel[0]) * ((out[1] - 1) * stride + kernel[1])
    return Layer(name, "conv", out[0] * out[1], filters, channels * kernel[0] * kernel[1], distinct=distinct)


def depthwise(name: str, out: tuple[int, int], channels: int, kernel: tuple[int, int], stride: int = 1) -> Layer:
    distinct = ((out[0] - 1) * stride + kernel[0]) * ((out[1] - 1) * stride + kernel[1])
    return Layer(name, "depthwise", out[0] * out[1], 1, kernel[0] * kernel[1], channels, distinct)


def attention(name: str, queries: int, keys: int, width: int, heads: int) -> tuple[Layer, Layer]:
    """Scores and weighted values of `heads` heads."""
    return (
        Layer(f"{name}-scores", "attention", queries, keys, width, heads),
        Layer(f"{name}-values", "attention", queries, width, keys, heads),
    )


def _mobilenet() -> tuple[Layer, ...]:
    """MobileNetV1, width 0.25, 96 x 96: (pixels of a side, channels in, channels out, stride of the depthwise one)."""
    blocks = [(48, 8, 16, 1), (24, 16, 32, 2), (24, 32, 32, 1), (12, 32, 64, 2), (12, 64, 64, 1), (6, 64, 128, 2)]
    blocks += [(6, 128, 128, 1)] * 5 + [(3, 128, 256, 2), (3, 256, 256, 1)]
    layers = [conv("conv1", (48, 48), 3, 8, (3, 3), 2)]
    for number, (side, channels, filters, stride) in enumerate(blocks, 1):
        layers.append(depthwise(f"dw{number}", (side, side), channels, (3, 3), stride))
        layers.append(pointwise(f"pw{number}", side, side, channels, filters))
    return (*layers, gemm("fc", 1, 2, 256))


def _ds_cnn() -> tuple[Layer, ...]:
    layers = [conv("conv1", (25, 5), 1, 64, (10, 4), 2)]
    for number in range(1, 5):
        layers += [depthwise(f"dw{number}", (25, 5), 64, (3, 3)), pointwise(f"pw{number}", 25, 5, 64, 64)]
    return (*layers, gemm("fc", 1, 12, 64))


def _resnet8() -> tuple[Layer, ...]:
    return (
        conv("conv1", (32, 32), 3, 16, (3, 3)),
        conv("stack1-a", (32, 32), 16, 16, (3, 3)),
        conv("stack1-b", (32, 32), 16, 16, (3, 3)),
        conv("stack2-a", (16, 16), 16, 32, (3, 3), 2),
        conv("stack2-b", (16, 16), 32, 32, (3, 3)),
        conv("stack2-skip", (16, 16), 16, 32, (1, 1), 2),
        conv("stack3-a", (8, 8), 32, 64, (3, 3), 2),
        conv("stack3-b", (8, 8), 64, 64, (3, 3)),
        conv("stack3-skip", (8, 8), 32, 64, (1, 1), 2),
        gemm("fc", 1, 10, 64),
    )


def _fc_ae() -> tuple[Layer, ...]:
    """196 windows of a sound at once, as the benchmark scores one recording."""
    widths = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    return tuple(gemm(f"fc{at}", 196, n, k) for at, (k, n) in enumerate(pairwise(widths), 1))


def _language_block(tokens: int, context: int) -> tuple[Layer, ...]:
    """One block of TinyLlama-1.1B: width 2048, 32 heads of 64 in 4 groups that share keys, 5632 wide between."""
    grouped = attention("attention", 8 * tokens, context, 64, 4)
    return (
        gemm("query", tokens, 2048, 2048),
        gemm("key-value", tokens, 512, 2048),
        *grouped,
        gemm("output", tokens, 2048, 2048),
        gemm("gate-up", tokens, 11264, 2048),
        gemm("down", tokens, 2048, 5632),
    )


NETWORKS: Mapping[str, tuple[Layer, ...]] = {
    "gemm": (gemm("128", 128, 128, 128), gemm("256", 256, 256, 256), gemm("tall", 512, 64, 256)),
    "ds-cnn": _ds_cnn(),
    "mobilenet-v1-0.25": _mobilenet(),
    "resnet-8": _resnet8(),
    "fc-ae": _fc_ae(),
    "encoder": attention("attention", 128, 128, 64, 4),
    "encoder-256": attention("attention", 256, 256, 64, 6),
    "tinyllama-prefill": _language_block(128, 128),
    "tinyllama-prefill-512": _language_block(512, 512),
    "tinyllama-decode": _language_block(1, 1024),
    "tinyllama-decode-2048": _language_block(1, 2048),
}


def find_layer(path: str) -> Layer | None:
    """`network/layer`, named in full; None where there is no such layer."""
    network, _, name = path.partition("/")
    for layer in NETWORKS.get(network, ()):
        if layer.name == name:
            return Layer(path, layer.kind, layer.m, layer.n, layer.k, layer.repeat, layer.distinct)
    return None
