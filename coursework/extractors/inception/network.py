"""The Inception network of 2015 in Keras, and its weights from the tensors of the frozen graph.

It computes what the graph computes, with fewer operations: each batch normalisation is folded into its convolution,
1x1 convolutions that read the same input are one, and a projection comes before its average pooling, which has fewer
channels to pool then. The pooling is a mean without padding, so that a bias passes through it unchanged.
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers, ops

from coursework.extractors.inception.architecture import (
    BIASES,
    BLOCKS,
    CHANNELS,
    CLASSES,
    EPSILON,
    IMAGE_SIZE,
    STEM,
    WEIGHTS,
    Block,
    Convolution,
    tensor_shapes,
)
from coursework.extractors.inception.layers import Bias, ResizedImages
from coursework.util.errors import UserError

PRECISIONS = ("float32", "mixed_bfloat16")
# Larger batches are no faster on a CPU: convolutions already reach its limit, and maps no longer fit its caches.
BATCH_SIZE = 16


def build(precision: str = "float32") -> keras.Model:
    """Return the network, weights zero: uint8-valued images (n, h, w, 3) of any size -> {name: float32 (n, d)}.

    Names: "features" (2048, the mean over the last maps), "logits" (1008) and "logits_unbiased", the logits without
    their bias, which the Inception Score is defined by. Images are rounded to whole values and resized to 299x299 as
    TensorFlow 1 did. Input values are 0 to 255 of any dtype.

    precision: "float32", or "mixed_bfloat16", which is about twice as fast on CPUs with AVX512-BF16; resizing, the
    last mean and the logits are float32 in both. Scores of different precisions differ a little: say which was used.
    Source: Szegedy et al. 2015, as frozen in inception-2015-12-05. `load_tensors` fills it.
    """
    if precision not in PRECISIONS:
        raise UserError(f"the precision of Inception is one of {', '.join(PRECISIONS)}, not {precision}")
    policy = keras.DTypePolicy(precision)
    images = keras.Input((None, None, CHANNELS), name="images")
    x = ResizedImages(IMAGE_SIZE, name="resized")(images)
    for group in STEM:
        for convolution in group:
            x = _convolution(x, (convolution,), policy)
        x = layers.MaxPooling2D(3, 2, dtype=policy)(x)
    for block in BLOCKS[:-1]:
        x = layers.Concatenate(dtype=policy, name=block.scope)(_branches(x, block, policy))
    # The means of the branches are joined instead of the branches: the same numbers without a copy of the maps.
    means = [layers.GlobalAveragePooling2D(dtype="float32")(branch) for branch in _branches(x, BLOCKS[-1], policy)]
    features = layers.Concatenate(dtype="float32", name="features")(means)
    unbiased = layers.Dense(
        CLASSES, use_bias=False, kernel_initializer="zeros", dtype="float32", name="logits_unbiased"
    )(features)
    logits = Bias(dtype="float32", name="logits")(unbiased)
    outputs = {"features": features, "logits": logits, "logits_unbiased": unbiased}
    model = keras.Model(images, outputs, name="inception_2015")
    model.trainable = False
    return model


def load_tensors(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Fill a network of `build` from {name of a tensor in the frozen graph: array}; other names are ignored.

    Raises `UserError` that names the first tensor that is missing, of another shape or not finite.
    """
    check_tensors(tensors)
    for name, parts in _sources().items():
        folded = [_folded(part, tensors) for part in parts]
        layer = model.get_layer(name)
        layer.kernel.assign(np.concatenate([kernel for kernel, _ in folded], axis=-1))
        layer.bias.assign(np.concatenate([bias for _, bias in folded]))
    model.get_layer("logits_unbiased").kernel.assign(tensors[WEIGHTS])
    model.get_layer("logits").bias.assign(tensors[BIASES])


def extract(model: keras.Model, images: np.ndarray, batch_size: int = BATCH_SIZE) -> dict[str, np.ndarray]:
    """Return every output of a network of `build` for uint8 images (n, h, w, 3) as {name: float32 (n, d)}.

    Raises `UserError` for no images and for others than RGB.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != CHANNELS or not images.size:
        raise UserError(f"Inception takes uint8 images (n, height, width, 3), found {images.dtype} {images.shape}")
    outputs = model.predict(images, batch_size=batch_size, verbose=0)
    return {name: np.asarray(values, dtype=np.float32) for name, values in outputs.items()}


def check_tensors(tensors: Mapping[str, np.ndarray]) -> None:
    """Raise `UserError` unless every tensor of the graph is there, with its shape and valid values."""
    expected = tensor_shapes()
    missing = [name for name in expected if name not in tensors]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(
            f"not the Inception graph of 2015: of its {len(expected)} tensors {missing[0]}{others} "
            f"{'are' if others else 'is'} missing"
        )
    for name, shape in expected.items():
        array = np.asarray(tensors[name])
        if array.shape != shape:
            raise UserError(f"not the Inception graph of 2015: {name} has the shape {array.shape}, expected {shape}")
        if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            raise UserError(f"the Inception graph is damaged: {name} holds values that are no finite numbers")
        if name.endswith("/moving_variance") and array.min() < 0:
            raise UserError(f"the Inception graph is damaged: {name} holds negative variances")


def _branches(inputs: keras.KerasTensor, block: Block, policy: keras.DTypePolicy) -> list[keras.KerasTensor]:
    """Return the tensors that `block` joins."""
    heads = _convolution(inputs, block.heads, policy)
    if len(block.heads) > 1:
        ends = np.cumsum([head.filters for head in block.heads])
        heads = ops.split(heads, ends[:-1].tolist(), axis=-1)
    else:
        heads = [heads]
    heads = dict(zip(block.heads, heads, strict=True))
    branches = []
    for tower in block.towers:
        x = inputs
        for part in tower.chain:
            x = heads[part] if part in heads else _convolution(x, (part,), policy)
        branches += [_convolution(x, (part,), policy) for part in tower.fork] or [x]
    return [*branches, _pooled(inputs, block, policy)]


def _pooled(inputs: keras.KerasTensor, block: Block, policy: keras.DTypePolicy) -> keras.KerasTensor:
    """Return the block's pooling with its projection."""
    if block.projection is None:
        return layers.MaxPooling2D(3, block.stride, dtype=policy)(inputs)
    if block.pool == "max":
        pooled = layers.MaxPooling2D(3, 1, padding="same", dtype=policy)(inputs)
        return _convolution(pooled, (block.projection,), policy)
    projected = _convolution(inputs, (block.projection,), policy, activation=None)
    pooled = layers.AveragePooling2D(3, 1, padding="same", dtype=policy)(projected)
    return layers.ReLU(dtype=policy)(pooled)


def _convolution(
    inputs: keras.KerasTensor,
    parts: tuple[Convolution, ...],
    policy: keras.DTypePolicy,
    activation: str | None = "relu",
) -> keras.KerasTensor:
    """Return the convolutions `parts`, which differ only in their filters, as one with a bias."""
    first = parts[0]
    layer = layers.Conv2D(
        sum(part.filters for part in parts),
        (first.height, first.width),
        strides=first.stride,
        padding=first.padding,
        activation=activation,
        kernel_initializer="zeros",
        dtype=policy,
        name=_layer_name(parts),
    )
    return layer(inputs)


def _layer_name(parts: tuple[Convolution, ...]) -> str:
    """Return the name of the layer that computes `parts`; the backends allow few characters in one."""
    return "_and_".join(part.scope for part in parts).replace("/", "_")


def _sources() -> dict[str, tuple[Convolution, ...]]:
    """Return {layer name: convolutions it computes}."""
    groups: list[tuple[Convolution, ...]] = [(part,) for group in STEM for part in group]
    for block in BLOCKS:
        groups += [block.heads, *((part,) for part in block.convolutions() if part not in block.heads)]
    return {_layer_name(parts): parts for parts in groups}


def _folded(convolution: Convolution, tensors: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of a convolution with its batch normalisation, folded in float64."""
    names = convolution.normalization
    gamma, beta, mean, variance = (np.asarray(tensors[name], dtype=np.float64) for name in names)
    scale = gamma / np.sqrt(variance + EPSILON)
    kernel = np.asarray(tensors[convolution.kernel], dtype=np.float64) * scale
    return kernel.astype(np.float32), (beta - mean * scale).astype(np.float32)
