"""From a trained run to images: the same run, count and seed give the same images."""

import numpy as np
from keras import ops

from coursework.figures.grids import save_grid, save_png
from coursework.models import MODELS
from coursework.models.autoencoder import code_of
from coursework.models.base import to_uint8, to_unit_range
from coursework.models.class_weights import class_weights, proportional_labels
from coursework.networks.latents import draw_codes, draw_latents
from coursework.networks.saving import load_network
from coursework.training.run import Run
from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import replacing, replacing_folder

# Batches that are encoded at a time.
PARTS = 20


class TrainedRun:
    """The networks of a finished or half-finished run; `best` takes the weights with the best score.

    Raises `UserError` where they are missing or damaged.
    """

    def __init__(self, run, best=False):
        self.run = run
        self.config = run.read_config()
        self.folder = run.best if best else run.path
        self._networks = {}

    def has(self, name):
        """Tell whether the run keeps a network: "generator", "encoder" or "discriminator"."""
        return (self.folder / f"{name}.keras").is_file()

    def network(self, name):
        """Return the network `name`, loaded once; raises `UserError` where the run keeps none."""
        if name not in self._networks:
            if not self.has(name):
                raise UserError(f"{self.run.path} has no {name}.keras: {self._hint(name)}")
            self._networks[name] = load_network(self.folder / f"{name}.keras")
        return self._networks[name]

    def _hint(self, name):
        if self.folder == self.run.best:
            return "it keeps no best weights"
        if name == "encoder" and self.has("generator"):
            return "use a run of an autoencoder (vae, acai)"
        if self.has("generator"):
            return "only a part of its networks was kept; remove that folder and train it again"
        return "train it to its end"

    @property
    def generator(self):
        """The generator, or the decoder of an autoencoder."""
        return self.network("generator")

    @property
    def latent_shape(self):
        """Shape of one latent, without the batch."""
        return tuple(self.generator.inputs[0].shape[1:])

    @property
    def conditional(self):
        """Whether the generator takes a class beside its latent."""
        return len(self.generator.inputs) > 1

    @property
    def class_names(self):
        """Names of the classes that the run was trained on; raises `UserError` where they were not recorded."""
        names = self.run.read_environment().get("class_names", self.config.classes)
        if self.conditional and len(names) != self.generator.inputs[1].shape[-1]:
            raise UserError(f"{self.run.environment_file} does not name the classes of the run: train it again")
        return tuple(names)

    @property
    def class_counts(self):
        """Numbers of training images of the classes, None where they were not recorded: the classes count alike."""
        counts = self.run.read_environment().get("class_counts")
        if self.conditional and counts is not None and len(counts) != self.generator.inputs[1].shape[-1]:
            raise UserError(f"{self.run.environment_file} does not count the classes of the run: train it again")
        return counts

    def latents(self, count, seed):
        """Return float32 latents (count, *latent_shape) from the distribution that the model samples from.

        An autoencoder without a prior has one fitted: a Gaussian with mean and covariance of the training codes.
        """
        if not MODELS[self.config.model.name].fits_prior:
            distribution = getattr(self.config.model, "latent_distribution", "normal")
            return draw_latents(distribution, count, self.latent_shape, seed)
        file, shape = Run(self.folder).code_statistics, self.latent_shape
        try:
            return draw_codes(read_npz(file), count, shape, seed)
        except (UserError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"cannot read {file}: train the run to its end ({error})") from error

    def labels(self, count, class_name=None):
        """Return labels (count,): `class_name`'s, or all in the data's proportions; None for an unconditional run."""
        if not self.conditional:
            if class_name is not None:
                raise UserError(f"{self.run.path} is of a model without classes: use a run of conditional-sngan")
            return None
        if class_name is None:
            return proportional_labels(count, self.generator.inputs[1].shape[-1], self.class_counts)
        if class_name not in self.class_names:
            raise UserError(f"{self.run.path} has no class {class_name}; it has {', '.join(self.class_names)}")
        return np.full(count, self.class_names.index(class_name))

    def decode(self, latents, batch_size=250, classes=None):
        """Return uint8 images of latents.

        classes: for a conditional run and no other, in any form that `class_weights` takes: labels, mixtures of
        classes, or a mixture for each layer.
        """
        inputs = latents
        if self.conditional:
            if classes is None:
                raise UserError(f"{self.run.path} is of a conditional model: its latents need classes")
            inputs = [latents, class_weights(classes, *self.generator.inputs[1].shape[1:])]
        return to_uint8(self.generator.predict(inputs, batch_size=batch_size, verbose=0))

    def encode(self, images, batch_size=250):
        """Return the codes of uint8 images; of a variational encoder, the means."""
        return encode(self.network("encoder"), images, batch_size)

    def sample(self, count, seed=0, class_name=None):
        """Return uint8 images (count, height, width, channels).

        Those of a conditional run are of all classes in the proportions of its training data, or of `class_name` alone,
        from the same latents; `labels` tells which. Raises `UserError` for a class that the run lacks.
        """
        return self.decode(self.latents(count, seed), classes=self.labels(count, class_name))


def encode(encoder, images, batch_size=250):
    """Return the codes that an encoder gives uint8 images; of a variational one, the means."""
    codes = []
    # A part at a time: in float32 all training images take 600 MB, and as much again for each step on the way there.
    for start in range(0, len(images), PARTS * batch_size):
        part = ops.convert_to_numpy(to_unit_range(images[start : start + PARTS * batch_size]))
        codes.append(code_of(encoder.predict(part, batch_size=batch_size, verbose=0)))
    return np.concatenate(codes)


def require_output(output):
    """Raise `UserError` for what `write_samples` takes for no place for images.

    That is another suffix, and a folder that is not empty: images of two samples would mix in it.
    """
    if output.suffix and output.suffix not in (".png", ".npz"):
        raise UserError(f"cannot write {output}: give FILE.png, FILE.npz or a folder's name without a suffix")
    if not output.suffix and output.is_dir() and any(output.iterdir()):
        raise UserError(f"{output} is not empty: give a new folder, or remove that one")


def write_samples(output, images):
    """Write uint8 images to `output`: a grid (.png), an array "images" (.npz), or a new folder of numbered PNG files.

    Raises `UserError` as `require_output` does.
    """
    require_output(output)
    if output.suffix == ".png":
        save_grid(output, images, columns=8, scale=2)
    elif output.suffix == ".npz":
        with replacing(output) as temporary:
            np.savez_compressed(temporary, images=images)
    else:
        with replacing_folder(output) as temporary:
            for index, image in enumerate(images):
                save_png(temporary / f"{index:05d}.png", image)
