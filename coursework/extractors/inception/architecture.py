"""The Inception network of 2015 as data: its convolutions, how they are joined, and the tensors of its frozen graph.

Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision", as frozen in
classify_image_graph_def.pb of inception-2015-12-05.tgz, the file that FID is defined by. Scopes are the graph's own.
"""

from dataclasses import dataclass

IMAGE_SIZE = 299
CHANNELS = 3
FEATURES = 2048
CLASSES = 1008
WEIGHTS, BIASES = "softmax/weights", "softmax/biases"
# Added to the variance by every batch normalisation of the graph.
EPSILON = 1e-3


@dataclass(frozen=True)
class Convolution:
    """A convolution without bias, batch normalisation and ReLU under one scope of the graph.

    height, width: of the kernel. inputs, filters: channels. Strided ones pad nothing, nor do some of the stem's.
    """

    scope: str
    height: int
    width: int
    inputs: int
    filters: int
    stride: int = 1
    padding: str = "same"

    @property
    def kernel(self) -> str:
        """The name of the kernel (height, width, inputs, filters)."""
        return f"{self.scope}/conv2d_params"

    @property
    def normalization(self) -> tuple[str, ...]:
        """The names of gamma, beta, moving mean and moving variance, each (filters,)."""
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        return tuple(f"{self.scope}/batchnorm/{name}" for name in names)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return {tensor name: shape}, five of them."""
        shapes: dict[str, tuple[int, ...]] = {name: (self.filters,) for name in self.normalization}
        return shapes | {self.kernel: (self.height, self.width, self.inputs, self.filters)}


@dataclass(frozen=True)
class Tower:
    """Convolutions one after another, then those of `fork` beside each other on the result of the last."""

    chain: tuple[Convolution, ...]
    fork: tuple[Convolution, ...] = ()

    @property
    def filters(self) -> int:
        """Channels of the tower's result."""
        return sum(part.filters for part in self.fork or self.chain[-1:])


@dataclass(frozen=True)
class Block:
    """Towers beside each other on the same input, their results joined in this order, then that of the pooling.

    pool: "average", which leaves padding out of the mean, or "max"; 3x3 with the block's stride. projection: the 1x1
    convolution behind it, None in blocks of stride two, whose convolutions and pooling pad nothing.
    """

    scope: str
    inputs: int
    towers: tuple[Tower, ...]
    pool: str
    projection: Convolution | None
    stride: int

    @property
    def filters(self) -> int:
        """Channels of the block's result."""
        pooled = self.projection.filters if self.projection else self.inputs
        return sum(tower.filters for tower in self.towers) + pooled

    @property
    def heads(self) -> tuple[Convolution, ...]:
        """The 1x1 convolutions with ReLU of the block's own input: to compute them is one convolution."""
        return tuple(tower.chain[0] for tower in self.towers if tower.chain[0].height == tower.chain[0].width == 1)

    def convolutions(self) -> list[Convolution]:
        """Return all its convolutions in the order of their scopes' towers."""
        found = [part for tower in self.towers for part in tower.chain + tower.fork]
        return found + ([self.projection] if self.projection else [])


# Before the blocks, with a maximum pooling, 3x3 of stride two, behind each group.
STEM = (
    (
        Convolution("conv", 3, 3, CHANNELS, 32, stride=2, padding="valid"),
        Convolution("conv_1", 3, 3, 32, 32, padding="valid"),
        Convolution("conv_2", 3, 3, 32, 64),
    ),
    (Convolution("conv_3", 1, 1, 64, 80, padding="valid"), Convolution("conv_4", 3, 3, 80, 192, padding="valid")),
)


def _chain(scope, inputs, steps, stride):
    """Return convolutions scope/conv, scope/conv_1, ...; steps: (height, width, filters). The last has the stride."""
    chain = []
    for index, (height, width, filters) in enumerate(steps):
        strided = {"stride": stride, "padding": "valid"} if stride > 1 and index + 1 == len(steps) else {}
        name = f"{scope}/conv" + (f"_{index}" if index else "")
        chain.append(Convolution(name, height, width, inputs, filters, **strided))
        inputs = filters
    return tuple(chain)


def _block(index, inputs, direct, towers, projection=None, pool="average", stride=1, fork=None):
    """Return the block number `index`; direct: (height, width, filters) of the convolution beside the towers, or None.

    fork: filters of the 1x3 and the 3x1 convolution at the end of every tower, or None.
    """
    scope = "mixed" + (f"_{index}" if index else "")
    built = [Tower(_chain(scope, inputs, [direct], stride))] if direct else []
    for number, steps in enumerate(towers):
        name = f"{scope}/tower" + (f"_{number}" if number else "")
        chain, ends = _chain(name, inputs, steps, stride), ()
        if fork:
            last = chain[-1].filters
            ends = (
                Convolution(f"{name}/mixed/conv", 1, 3, last, fork),
                Convolution(f"{name}/mixed/conv_1", 3, 1, last, fork),
            )
        built.append(Tower(chain, ends))
    if projection:
        projection = Convolution(f"{scope}/tower_{len(towers)}/conv", 1, 1, inputs, projection)
    return Block(scope, inputs, tuple(built), pool, projection, stride)


def _blocks() -> tuple[Block, ...]:
    """Return the eleven blocks: three on maps of 35x35, five of 17x17, three of 8x8, strided ones between them."""
    large = [[(1, 1, 48), (5, 5, 64)], [(1, 1, 64), (3, 3, 96), (3, 3, 96)]]
    blocks: list[Block] = []
    inputs = STEM[-1][-1].filters

    def add(*arguments, **settings):
        nonlocal inputs
        blocks.append(_block(len(blocks), inputs, *arguments, **settings))
        inputs = blocks[-1].filters

    for projection in (32, 64, 64):
        add((1, 1, 64), large, projection)
    add((3, 3, 384), [[(1, 1, 64), (3, 3, 96), (3, 3, 96)]], pool="max", stride=2)
    for width in (128, 160, 160, 192):
        short = [(1, 1, width), (1, 7, width), (7, 1, 192)]
        long = [(1, 1, width), (7, 1, width), (1, 7, width), (7, 1, width), (1, 7, 192)]
        add((1, 1, 192), [short, long], 192)
    short = [(1, 1, 192), (3, 3, 320)]
    add(None, [short, [(1, 1, 192), (1, 7, 192), (7, 1, 192), (3, 3, 192)]], pool="max", stride=2)
    # The last block pools by maximum: an oddity of this graph that FID has inherited.
    for pool in ("average", "max"):
        add((1, 1, 320), [[(1, 1, 384)], [(1, 1, 448), (3, 3, 384)]], 192, pool, fork=384)
    return tuple(blocks)


BLOCKS = _blocks()


def convolutions() -> list[Convolution]:
    """Return all 94 convolutions, from the image on."""
    stem = [part for group in STEM for part in group]
    return stem + [part for block in BLOCKS for part in block.convolutions()]


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Return {name: shape} of all 472 tensors of the frozen graph; kernels are (height, width, in, out)."""
    shapes: dict[str, tuple[int, ...]] = {}
    for convolution in convolutions():
        shapes |= convolution.shapes()
    return shapes | {WEIGHTS: (FEATURES, CLASSES), BIASES: (CLASSES,)}
