"""Vector-quantised autoencoder (van den Oord, Vinyals & Kavukcuoglu 2017), as in Berthelot et al. 2018."""

import keras
from keras import ops

from coursework.models.autoencoder import Autoencoder, Objective
from coursework.networks.backend import Tensor
from coursework.networks.vector_quantizer import VectorQuantizer
from coursework.util.errors import UserError


class VQVAE(Autoencoder):
    """An autoencoder whose decoder turns the code into codewords first, and back.

    Its loss adds the mean squared distance of vectors to their codewords times `commitment_weight` (the paper's beta).
    Moving averages update the codebook. Raises `UserError` for a decoder without a `VectorQuantizer`.
    """

    def __init__(
        self, encoder: keras.Model, decoder: keras.Model, commitment_weight: float = 10.0, seed: int = 0
    ) -> None:
        super().__init__(encoder, decoder, seed, ("reconstruction", "commitment"))
        self.commitment_weight = commitment_weight
        found = [layer for layer in decoder.layers if isinstance(layer, VectorQuantizer)]
        if not found:
            raise UserError("model vqvae needs a decoder with a codebook: use network quantized_autoencoder")
        self.quantizer = found[0]
        # The decoder with the quantizer's input and outputs as further outputs.
        self.opened_decoder = keras.Model(decoder.input, [self.quantizer.input, *self.quantizer.output, decoder.output])

    def objective(self, images: Tensor) -> Objective:
        """Return mean squared error plus commitment, and keep vectors and indices for the codebook."""
        vectors, codewords, indices, decoded = self.opened_decoder(self.encode(images), training=True)
        reconstruction = ops.mean(ops.square(images - decoded))
        commitment = ops.mean(ops.square(vectors - ops.stop_gradient(codewords)))
        terms = {"reconstruction": reconstruction, "commitment": commitment}
        return reconstruction + self.commitment_weight * commitment, (terms, [vectors, indices])

    def finish_step(self, images: Tensor, *kept: Tensor) -> dict[str, Tensor]:
        self.quantizer.update(*kept)
        return {}
