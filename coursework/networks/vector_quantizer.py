"""The discrete bottleneck of VQ-VAE, whose codebook follows moving averages (van den Oord et al. 2017, A.1)."""

from typing import Any

import keras
from keras import ops

from coursework.networks.backend import Tensor, no_gradient


@keras.saving.register_keras_serializable(package="coursework")
class VectorQuantizer(keras.layers.Layer):
    """Replaces vectors (n, count, size) by the nearest codewords.

    Called with vectors it returns [codewords (n, count, size), indices int32 (n, count)]. The gradient passes straight
    through to the vectors. `update` moves the `codebook` (codebook_size, size); no gradient and no call does.
    """

    def __init__(self, codebook_size: int, decay: float = 0.999, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codebook_size = codebook_size
        self.decay = decay
        self.seed = seed

    def build(self, input_shape: Any) -> None:
        """Create the codebook and the moving average of how often a batch uses each codeword."""
        # The authors of the ACAI paper's code begin with a codebook of this spread.
        limit = (3.0 / self.codebook_size) ** 0.5
        self.codebook = self.add_weight(
            name="codebook",
            shape=(self.codebook_size, input_shape[-1]),
            initializer=keras.initializers.RandomUniform(-limit, limit, seed=self.seed),
            trainable=False,
        )
        self.uses = self.add_weight(name="uses", shape=(self.codebook_size,), initializer="zeros", trainable=False)

    def call(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        codebook = ops.convert_to_tensor(self.codebook)
        # The distance without the vector's own norm, which is the same to all codewords.
        closeness = inputs @ ops.transpose(codebook) - 0.5 * ops.sum(ops.square(codebook), axis=1)
        indices = ops.cast(ops.argmax(closeness, axis=-1), "int32")
        codewords = ops.take(codebook, indices, axis=0)
        return inputs + ops.stop_gradient(codewords - inputs), indices

    def update(self, vectors: Tensor, indices: Tensor) -> None:
        """Move codewords towards the means of their vectors; `vectors` and `indices` as `call` takes and returns them.

        In the paper a codeword is m / N, with N the moving average of its use and m that of the sum of its vectors.
        Here the step of m / N is taken without m: a codeword jumps to its vectors' mean when it is first used, and an
        unused one stays where it is instead of becoming 0 / 0.
        """
        indices = ops.reshape(indices, (-1,))
        vectors = ops.cast(ops.reshape(vectors, (-1, vectors.shape[-1])), "float32")
        with no_gradient():
            counts = ops.segment_sum(ops.ones_like(vectors[:, 0]), indices, self.codebook_size)
            sums = ops.segment_sum(vectors, indices, self.codebook_size)
            uses = self.decay * self.uses + (1.0 - self.decay) * counts
            # Where counts are above 0 so are uses; elsewhere the step is 0 whatever it is divided by.
            rate = ops.expand_dims((1.0 - self.decay) / ops.maximum(uses, 1e-20), -1)
            step = rate * (sums - ops.expand_dims(counts, -1) * self.codebook)
            self.uses.assign(uses)
            self.codebook.assign_add(step)

    def get_config(self) -> dict[str, Any]:
        options = {"codebook_size": self.codebook_size, "decay": self.decay, "seed": self.seed}
        return {**super().get_config(), **options}
