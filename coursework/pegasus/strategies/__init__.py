"""Ways to make candidates, interchangeable: STRATEGIES[name](task, trained, count, seed) -> `Candidates`."""

from collections.abc import Callable
from dataclasses import dataclass

from coursework.data import short_name
from coursework.models import MODELS
from coursework.models.autoencoder import Autoencoder
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.decoding import decode
from coursework.pegasus.strategies.class_mixing import class_mixing, layer_mixing
from coursework.pegasus.strategies.class_search import class_search, critic_search, critic_witness_search
from coursework.pegasus.strategies.interpolation import interpolation
from coursework.pegasus.strategies.latent_search import latent_search
from coursework.pegasus.strategies.masked_interpolation import masked_interpolation
from coursework.pegasus.strategies.region_mixing import region_mixing, region_search
from coursework.util.errors import UserError

AUTOENCODER, GAN, CONDITIONAL = "an autoencoder", "a GAN without classes", "a class-conditional GAN"
# A preset of each kind, for messages.
PRESET = {AUTOENCODER: "acai", GAN: "sngan", CONDITIONAL: "conditional-sngan"}


def kind_of(config):
    """Return which kind of run a `Config` makes: `AUTOENCODER`, `GAN` or `CONDITIONAL`."""
    model = MODELS[config.model.name]
    if issubclass(model, Autoencoder):
        return AUTOENCODER
    return CONDITIONAL if model.conditional else GAN


@dataclass(frozen=True)
class Strategy:
    """A way to make candidates and what it needs.

    make(task, trained, count, seed, progress) -> (latents {name: array (n, ...)}, n dicts of how they came about).
    kind: of run. grid: whether codes must lie on a grid, which has places, rather than be vectors. asks_witness,
    asks_critics: whether it searches under the task's witness, under the run's own discriminator.
    """

    name: str
    make: Callable
    kind: str
    grid: bool = False
    asks_witness: bool = False
    asks_critics: bool = False

    @property
    def networks(self):
        """Names of the run's networks that it needs."""
        more = {AUTOENCODER: ("encoder",)}.get(self.kind, ())
        return ("generator", *more, *(("discriminator",) if self.asks_critics else ()))

    @property
    def climbs(self):
        """Whether it searches latents, with the settings of `search`."""
        return self.asks_witness or self.asks_critics

    def suits(self, config):
        """Tell whether the strategy works with runs of a `Config`."""
        # Codes of a single place are vectors too, and no vector has places.
        return kind_of(config) == self.kind and not (self.grid and getattr(config.network, "latent_width", 1) < 2)

    def __call__(self, task, trained, count, seed, progress=None):
        """Return `count` `Candidates` of a `TrainedRun`; candidate i depends on (task, run, seed, i) alone.

        progress: called with (steps done, steps in all). Raises `UserError` for a run of another kind or data set, for
        a class that it lacks and for a search without a witness.
        """
        self.check(task, trained)
        latents, notes = self.make(task, trained, count, seed, progress)
        images = decode(trained, latents)
        origin = {"strategy": self.name, "run": trained.run.name, "weights": trained.weights, "seed": seed}
        origins = [{**origin, "index": index, **note} for index, note in enumerate(notes)]
        return Candidates(
            images, [{name: array[index] for name, array in latents.items()} for index in range(count)], origins
        )

    def check(self, task, trained):
        """Raise `UserError` where the strategy cannot do the task with a `TrainedRun`, as it would when called."""
        run, config = trained.run.path, trained.config
        if kind_of(config) != self.kind:
            raise UserError(
                f"{self.name} needs a run of {self.kind}, and {run} is one of {kind_of(config)}: train one with "
                f"`python -m coursework train {PRESET[self.kind]}`"
            )
        if short_name(config.dataset) != task.dataset.name:
            raise UserError(f"{run} was trained on {config.dataset}, not on {task.dataset.name}")
        if self.kind == CONDITIONAL:
            for name in (task.body, *task.wings):
                if name not in trained.class_names:
                    raise UserError(f"{run} has no class {name}; it has {', '.join(trained.class_names)}")
        if self.asks_witness and task.witness is None:
            raise UserError(f"{self.name} needs a witness: train one with `python -m coursework judge --role witness`")
        if self.asks_witness and task.witness.dataset != task.dataset.name:
            raise UserError(f"the witness was trained on {task.witness.dataset}, not on {task.dataset.name}")
        for name in self.networks:
            trained.network(name)


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("interpolation", interpolation, AUTOENCODER),
        Strategy("masked_interpolation", masked_interpolation, AUTOENCODER, grid=True),
        Strategy("latent_search", latent_search, GAN, asks_witness=True),
        Strategy("class_mixing", class_mixing, CONDITIONAL),
        Strategy("layer_mixing", layer_mixing, CONDITIONAL),
        Strategy("class_search", class_search, CONDITIONAL, asks_witness=True),
        Strategy("region_mixing", region_mixing, CONDITIONAL),
        Strategy("region_search", region_search, CONDITIONAL, asks_witness=True),
        Strategy("critic_search", critic_search, CONDITIONAL, asks_critics=True),
        Strategy("critic_witness_search", critic_witness_search, CONDITIONAL, asks_witness=True, asks_critics=True),
    )
}
