"""From a trained run to images: the same run, count and seed give the same images."""

import functools
from pathlib import Path

import keras
import numpy as np
from keras import ops

from coursework.figures.grids import save_grid, save_png
from coursework.models import MODELS, build_model, build_networks
from coursework.models.autoencoder import code_of
from coursework.models.base import to_uint8, to_unit_range
from coursework.models.class_weights import class_weights, proportional_labels
from coursework.networks.latents import draw_codes, draw_latents
from coursework.networks.saving import load_network, require_room
from coursework.training.run import Report, Run
from coursework.training.run_data import load_data
from coursework.training.state import assign_state, has_state, read_state
from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import replacing, replacing_folder, sha256

# Batches that are encoded at a time.
PARTS = 20


class TrainedRun:
    """The networks of a run; `best` takes the weights with the best score.

    A run that is still training or was interrupted has no networks yet: they come from its last saved state, which is
    only read, and `report` is called with one line that says which. Raises `UserError` where networks are missing or
    damaged.
    """

    def __init__(self, run: Run, best: bool = False, report: Report = print):
        self.run = run
        self.config = run.read_config()
        self.folder = run.best if best else run.path
        self.report = report
        self._networks: dict[str, keras.Model] = {}

    @functools.cached_property
    def _state(self):
        """The state that stands in for networks that are not there: (position, SHA-256, model, code statistics)."""
        if self.folder == self.run.best or self._file("generator").is_file() or not has_state(self.run.backup):
            return None
        dataset = load_data(self.run, self.report)
        position, digest, arrays = read_state(self.run.backup, self.report)
        shape, classes = dataset.image_shape, len(dataset.class_names)
        try:
            # The configuration may ask for more memory than there is, and the state shows that it should not.
            room = sum(array.nbytes for array in arrays.values())
            require_room(lambda: build_networks(self.config, shape, classes).values(), room)
        except UserError as error:
            raise UserError(
                f"{self.run.config_file} does not describe the state in {self.run.backup}: {error}"
            ) from error
        model = build_model(self.config, shape, 1, classes, dataset.class_counts)
        assign_state(self.run.backup, model, arrays)
        self.report(f"{self.run.path} has not finished training: using its state after {position}")
        return position, digest, model.networks(), model.code_statistics(dataset.train_images)

    @property
    def weights(self) -> str:
        """What scores record of the weights: "last", "best", or "state after epoch 3" of an unfinished run."""
        if self._state:
            return f"state after {self._state[0]}"
        return "best" if self.folder == self.run.best else "last"

    def fingerprints(self) -> list[str]:
        """Return the SHA-256 of every file that samples depend on; raises `UserError` where there are no networks."""
        if self._state:
            return [self._state[1]]
        if not self.has("generator"):
            raise self._missing("generator")
        files = (self._file("generator"), Run(self.folder).code_statistics)
        return [sha256(file) for file in files if file.is_file()]

    def _file(self, name):
        return self.folder / f"{name}.keras"

    def has(self, name: str) -> bool:
        """Return whether the run has a network: "generator", "encoder" or "discriminator"."""
        return self._file(name).is_file() or (self._state is not None and name in self._state[2])

    def network(self, name: str) -> keras.Model:
        """Return the network `name`, loaded once; raises `UserError` where the run has none."""
        if name not in self._networks:
            if not self.has(name):
                raise self._missing(name)
            self._networks[name] = self._state[2][name] if self._state else load_network(self._file(name))
        return self._networks[name]

    def _missing(self, name):
        return UserError(f"{self.run.path} has no {name}.keras: {self._hint(name)}")

    def _hint(self, name):
        if self.folder == self.run.best:
            return "it keeps no best weights"
        if name == "encoder" and self.has("generator"):
            return "use a run of an autoencoder (vae, acai)"
        if self.has("generator"):
            return "only a part of its networks was kept; remove that folder and train it again"
        return "train it to its end"

    @property
    def generator(self) -> keras.Model:
        """The generator, or the decoder of an autoencoder."""
        return self.network("generator")

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent, without the batch."""
        return tuple(self.generator.inputs[0].shape[1:])

    @property
    def conditional(self) -> bool:
        """Whether the generator takes a class besides its latent."""
        return len(self.generator.inputs) > 1

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes that the run was trained on; raises `UserError` where they were not recorded."""
        names = self.run.read_environment().get("class_names", self.config.classes)
        if self.conditional and len(names) != self.generator.inputs[1].shape[-1]:
            raise UserError(f"{self.run.environment_file} does not name the classes of the run: train it again")
        return tuple(names)

    @property
    def class_counts(self) -> list[int] | None:
        """Numbers of training images of the classes, None where they were not recorded: the classes count alike."""
        counts = self.run.read_environment().get("class_counts")
        if self.conditional and counts is not None and len(counts) != self.generator.inputs[1].shape[-1]:
            raise UserError(f"{self.run.environment_file} does not count the classes of the run: train it again")
        return counts

    def latents(self, count: int, seed: int) -> np.ndarray:
        """Return float32 latents (count, *latent_shape) from the distribution that the model samples from.

        An autoencoder without a prior has one fitted: a Gaussian with mean and covariance of the training codes.
        """
        if not MODELS[self.config.model.name].fits_prior:
            distribution = getattr(self.config.model, "latent_distribution", "normal")
            return draw_latents(distribution, count, self.latent_shape, seed)
        file, shape = Run(self.folder).code_statistics, self.latent_shape
        if self._state:
            return draw_codes(self._state[3], count, shape, seed)
        try:
            return draw_codes(read_npz(file), count, shape, seed)
        except (UserError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"cannot read {file}: train the run to its end ({error})") from error

    def labels(self, count: int, class_name: str | None = None) -> np.ndarray | None:
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

    def decode(self, latents: np.ndarray, batch_size: int = 250, classes: np.ndarray | None = None) -> np.ndarray:
        """Return uint8 images of latents.

        classes: for a conditional run and no other, in any form that `class_weights` takes: labels, mixtures of
        classes, or a mixture for each layer.
        """
        inputs: np.ndarray | list[np.ndarray] = latents
        if self.conditional:
            if classes is None:
                raise UserError(f"{self.run.path} is of a conditional model: its latents need classes")
            inputs = [latents, class_weights(classes, *self.generator.inputs[1].shape[1:])]
        return to_uint8(self.generator.predict(inputs, batch_size=batch_size, verbose=0))

    def encode(self, images: np.ndarray, batch_size: int = 250) -> np.ndarray:
        """Return the codes of uint8 images; of a variational encoder, the means."""
        return encode(self.network("encoder"), images, batch_size)

    def sample(self, count: int, seed: int = 0, class_name: str | None = None) -> np.ndarray:
        """Return uint8 images (count, height, width, channels).

        Those of a conditional run are of all classes in the proportions of its training data, or of `class_name` alone,
        from the same latents; `labels` says which. Raises `UserError` for a class that the run lacks.
        """
        return self.decode(self.latents(count, seed), classes=self.labels(count, class_name))


def encode(encoder: keras.Model, images: np.ndarray, batch_size: int = 250) -> np.ndarray:
    """Return the codes that an encoder gives uint8 images; of a variational one, the means."""
    codes = []
    # A part at a time: in float32 all training images take 600 MB, and as much again for each step on the way there.
    for start in range(0, len(images), PARTS * batch_size):
        part = ops.convert_to_numpy(to_unit_range(images[start : start + PARTS * batch_size]))
        codes.append(code_of(encoder.predict(part, batch_size=batch_size, verbose=0)))
    return np.concatenate(codes)


def require_output(output: Path) -> None:
    """Raise `UserError` where `write_samples` cannot write: another suffix, or a folder that is not empty.

    Images of two samples would mix in that.
    """
    if output.suffix and output.suffix not in (".png", ".npz"):
        raise UserError(f"cannot write {output}: give FILE.png, FILE.npz or a folder's name without a suffix")
    if not output.suffix and output.is_dir() and any(output.iterdir()):
        raise UserError(f"{output} is not empty: give a new folder, or remove that one")


def write_samples(output: Path, images: np.ndarray) -> None:
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
