"""What makes the adversarial networks conditional: classes as inputs, in normalisations and in the last product."""

from typing import Any

import keras
from keras import layers, ops

from coursework.networks.backend import Tensor
from coursework.networks.blocks import BATCH_NORMALIZATION, MakeLayer, apply_normalization
from coursework.networks.layers import ConditionalBatchNormalization
from coursework.util.errors import UserError


def generator_classes(class_count: int, rows: int, kind: str) -> Tensor | None:
    """Return the input of a conditional generator (rows, class_count), None for a `class_count` of 0.

    It holds weights of the classes for each of `rows` normalisations, so that classes can be mixed, and the layers
    that shape an image can have another class than those that paint it. Raises `UserError` for normalisations of
    another kind than "batch", in which there is no place for a class.
    """
    if not class_count:
        return None
    if kind != "batch":
        raise UserError(f"a class enters the generator in batch normalisation: generator_normalization is {kind}")
    return keras.Input((rows, class_count), name="classes")


class GeneratorNormalization:
    """Applies the normalisations of a generator from its latents on: given `classes`, conditional ones.

    Each takes the next row of `classes`, the input that `generator_classes` made.
    """

    def __init__(self, kind: str, classes: Tensor | None = None) -> None:
        self.kind = kind
        self.classes = classes
        self.row = 0

    def __call__(self, name: str, inputs: Tensor) -> Tensor:
        """Return `inputs` after the normalisation, unchanged for "none"."""
        if self.classes is None:
            return apply_normalization(self.kind, name, inputs)
        settings: dict[str, Any] = {**BATCH_NORMALIZATION, "row": self.row, "name": name}
        self.row += 1
        return ConditionalBatchNormalization(self.classes.shape[-1], **settings)([inputs, self.classes])


def projection_discriminator(
    images: Tensor,
    logits: Tensor,
    features: Tensor,
    class_count: int,
    dense: MakeLayer,
    initializer: keras.initializers.Initializer,
) -> keras.Model:
    """Return the discriminator images -> logits (n, 1); with classes images and their weights (n, class_count) are
    inputs, and the output is logits + <embedding(classes), features>: Miyato & Koyama (2018), section 3.

    features: (n, d). class_count: 0 for no classes. dense: makes the layer of the embedding, whose spectral norm is
    that of the whole table.
    """
    if not class_count:
        return keras.Model(images, logits, name="discriminator")
    classes = keras.Input((class_count,), name="classes")
    settings = {"use_bias": False, "kernel_initializer": initializer, "dtype": "float32", "name": "embedding"}
    embedding = dense(features.shape[-1], **settings)(classes)
    evidence = InnerProduct(dtype="float32", name="projection")([embedding, features])
    logits = layers.Add(dtype="float32", name="conditional_logits")([logits, evidence])
    return keras.Model([images, classes], logits, name="discriminator")


@keras.saving.register_keras_serializable(package="coursework")
class InnerProduct(layers.Layer):
    """Inner product of two batches of vectors: [(n, d), (n, d)] -> (n, 1)."""

    def call(self, inputs: Tensor) -> Tensor:
        first, second = inputs
        return ops.sum(first * second, axis=-1, keepdims=True)
