"""What autoencoders with a critic share: two players, both updated from one forward pass."""

from coursework.models.autoencoder import Autoencoder
from coursework.networks.backend import apply_gradients, value_and_gradients


class AutoencoderWithCritic(Autoencoder):
    """An autoencoder that also has to please a critic.

    A subclass has an `objective` that keeps what the critic is to see, and a `critic_objective` of just that.
    """

    def __init__(self, encoder, decoder, critic, seed=0, terms=()):
        super().__init__(encoder, decoder, seed, terms)
        self.critic = critic

    def compile(self, autoencoder_optimizer, critic_optimizer):
        """Set and build the two optimisers."""
        super().compile(autoencoder_optimizer)
        self.critic_optimizer = critic_optimizer
        critic_optimizer.build(self.critic.trainable_variables)

    def critic_objective(self, images, *kept):
        """Return the critic's loss on images in [-1, 1] and the tensors that `objective` kept, now constants."""
        raise NotImplementedError

    def finish_step(self, images, *kept):
        """Update the critic; return its loss."""
        variables = self.critic.trainable_variables
        value, gradients = value_and_gradients(lambda: self.critic_objective(images, *kept), variables)
        apply_gradients(self.critic_optimizer, gradients, variables)
        return {"critic_loss": value}

    def optimizers(self):
        """Return both players' optimisers."""
        return {"autoencoder": self.autoencoder_optimizer, "critic": self.critic_optimizer}
