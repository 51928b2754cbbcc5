"""What witnesses learn from: views of training images, and composites of them, with what there is to be seen."""

import keras
import numpy as np

from coursework.data.pipeline import Batches
from coursework.extractors.judge_training import shifted
from coursework.pegasus.composites import KINDS, compose, visible
from coursework.pegasus.views import View, occlude, spoil

# Shares of composites: an image with itself, with another of its class, with any other.
PARTNERS = {"itself": 0.15, "class": 0.35, "any": 0.50}
# An image with itself is another picture only where it stands somewhere else.
KINDS_OF_ITSELF = ("paste", "beside")
# Parts cut out along their outline teach what wings alone look like, which no other kind does; so they come four times:
# on sprites true pegasi are then told from horses and birds with an area under the curve of .974, coming twice .964.
KINDS_OF_OTHERS = (*KINDS, "cutout", "cutout", "cutout")
# What is surely two scenes, and what is one. A part of a bird in its place on a horse, or a horse's legs below a bird's
# wings, may be either: it is judged by nobody, which measured better than calling it two.
TWO_SCENES, ONE_SCENE = ("blend", "paste", "beside"), ("cutout",)
# Share of single pictures that have something before them, see `occlude`.
OCCLUDED = 0.3
# The most that a view of one picture is enlarged.
LARGEST = 1.5


class Examples:
    """Makes examples for a witness from images and their labels: each as one picture, or as part of a composite."""

    def __init__(self, images, labels, class_count):
        self.images = images
        self.labels = labels
        self.class_count = class_count
        self._members = [np.flatnonzero(labels == label) for label in range(class_count)]

    def make(self, rows, generator):
        """Return (images, {"presence", "unity"}, {"presence", "unity"}): uint8 (n, h, w, c), truth, and its weights.

        rows: (n,), indices; the first half shows composites, the second single pictures. presence: (n, classes); it has
        no weight for what is occluded, since what hides it may be anything. unity: (n,), 1 for one scene: single
        pictures, occluded ones too, and cutouts; see `TWO_SCENES`. So neither the sight of two classes nor a strange
        part is a reason to doubt that a picture is one: only a second scene is, beside the first or seen through it.
        """
        half = len(rows) // 2
        composed, presence, kinds = self._composites(rows[:half], generator)
        single, present, clear = self._pictures(rows[half:], generator)
        truth = {
            "presence": np.concatenate([presence, present]),
            "unity": np.concatenate([_among(kinds, ONE_SCENE), np.ones_like(clear)]),
        }
        weights = {
            "presence": np.concatenate([np.ones(half, np.float32), clear]),
            "unity": np.concatenate([_among(kinds, ONE_SCENE + TWO_SCENES), np.ones_like(clear)]),
        }
        return spoil(np.concatenate([composed, single]), generator), truth, weights

    def _pictures(self, rows, generator):
        """Return float32 images, mirrored, shifted, enlarged or occluded; presence; and 1 where all is clear."""
        images = shifted(_mirrored(self.images[rows], generator), generator).astype(np.float32)
        sides = np.array(images.shape[1:3])
        enlarged = np.flatnonzero(generator.random(len(rows)) < 0.5)
        scale = generator.uniform(1, LARGEST, len(enlarged))
        # As far as it goes without showing what is beyond the edges.
        offset = generator.uniform(-0.5, 0.5, (len(enlarged), 2)) * (scale - 1)[:, None] * sides
        view = View(*sides, scale, offset)
        presence = np.zeros((len(rows), self.class_count), np.float32)
        presence[np.arange(len(rows)), self.labels[rows]] = 1
        images[enlarged] = view.show(images[enlarged])
        seen = visible(view.share(np.ones((len(enlarged), *sides), np.float32)))
        presence[enlarged, self.labels[rows[enlarged]]] = seen
        clear = generator.random(len(rows)) >= OCCLUDED
        images[~clear] = occlude(images[~clear], generator)
        return images, presence, clear.astype(np.float32)

    def _composites(self, rows, generator):
        """Return float32 composites, the presence of their classes, and their kinds."""
        relation = generator.choice(len(PARTNERS), size=len(rows), p=list(PARTNERS.values()))
        members = np.array([generator.choice(self._members[label]) for label in self.labels[rows]], dtype=np.int64)
        others = generator.integers(len(self.images), size=len(rows))
        partners = np.choose(relation, [rows, members, others])
        images = np.empty((len(rows), *self.images.shape[1:]), np.float32)
        presence = np.empty((len(rows), self.class_count), np.float32)
        found = np.empty(len(rows), np.int64)
        labels = np.stack([self.labels[rows], self.labels[partners]], axis=1)
        for own, kinds in ((True, KINDS_OF_ITSELF), (False, KINDS_OF_OTHERS)):
            chosen = np.flatnonzero((relation == 0) == own)
            first = shifted(_mirrored(self.images[rows[chosen]], generator), generator)
            second = _mirrored(self.images[partners[chosen]], generator)
            made = compose(first, second, generator, kinds)
            images[chosen] = made.images
            presence[chosen] = made.presence(labels[chosen], self.class_count)
            found[chosen] = made.kinds
        return images, presence, found


class WitnessBatches(keras.utils.PyDataset):
    """Batches of `Examples` in an order that depends on the seed and the epoch alone, for `fit(feed(...))`."""

    def __init__(self, examples, batch_size, seed):
        super().__init__()
        self.examples = examples
        self.seed = seed
        self.rows = Batches(np.arange(len(examples.images)), batch_size, seed)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        (rows,) = self.rows[index]
        return self.examples.make(rows, np.random.default_rng((self.seed, self.rows.epoch, index)))

    def on_epoch_begin(self):
        """Draw the next epoch's order."""
        self.rows.on_epoch_begin()


def _mirrored(images, generator):
    """Return a copy of images, half of them mirrored."""
    flipped = generator.random(len(images)) < 0.5
    return np.where(flipped[:, None, None, None], images[:, :, ::-1], images)


def _among(kinds, names):
    """Return float32 (n,), 1 where indices into `KINDS` are of one of `names`."""
    return np.isin(kinds, [KINDS.index(name) for name in names]).astype(np.float32)
