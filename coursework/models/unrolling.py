"""Unrolled GANs (Metz, Poole, Pfau & Sohl-Dickstein 2017): the generator sees what the discriminator will be."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
from keras import ops

from coursework.models.objectives import Objective
from coursework.networks.backend import Tensor, gradients_by_tensors


class Unrolled(Objective):
    """An `objective` whose generator plays against the discriminator after `steps` more updates.

    With f the negative of the discriminator's whole loss (real term and penalty included), the generator minimises
    f(θ_G, θ_D^K(θ_G)); its gradient flows through all updates (equations 7 to 10). The real term matters: θ_D^K depends
    on θ_G. Without it the data's distribution would not be a stationary point.

    All steps see the same real and fake items and draw labels, augmentations and points of a penalty anew. Spectral
    layers advance their `u` in each step, as a real update does; the discriminator keeps none of it.
    """

    def __init__(self, objective: Objective, steps: int) -> None:
        super().__init__(objective.name)
        self.objective = objective
        self.steps = steps

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
        """Return the loss of the plain `objective`: the discriminator does not look ahead."""
        return self.objective.discriminator_loss(real_logits, fake_logits, seed)

    def generator_loss(self, model: Any, real: Tensor, fake: Tensor) -> Tensor:
        """Return the negative of the discriminator's loss after `steps` updates on `real` and `fake`."""
        value, _ = look_ahead(
            lambda: model.discriminator_objective(real, fake),
            model.discriminator.trainable_variables,
            model.discriminator_optimizer,
            self.steps,
            model.discriminator.non_trainable_variables,
            model.random,
        )
        return -value


def look_ahead(
    objective: Callable[[], Tensor],
    variables: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
    steps: int,
    states: Sequence[keras.Variable] = (),
    random: keras.random.SeedGenerator | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Return (`objective` after `steps` updates on it, what `variables` are then); no variable is assigned.

    objective: function without arguments -> scalar loss. optimizer: a Keras Adam or SGD; the updates continue from its
    slots and iterations. states: other variables that `objective` assigns (`u` of spectral layers), carried from step
    to step and then forgotten. random: the `SeedGenerator` that `objective` draws from, if any: each step draws anew,
    and nothing is drawn again afterwards. Value and tensors depend differentiably on what `objective` depends on, also
    through the gradients (equations 7 to 9 of the paper).
    """
    # Not convert_to_tensor, which leaves a variable what it is.
    values = [ops.copy(variable) for variable in variables]
    advance = (_adam if isinstance(optimizer, keras.optimizers.Adam) else _gradient_descent)(optimizer, variables)
    states = [*states, *([random.state] if random else [])]
    carried = [ops.copy(state) for state in states]

    def evaluate(*values: Tensor) -> Tensor:
        with at([*variables, *states], [*values, *carried]) as scope:
            loss = objective()
            carried[:] = [ops.stop_gradient(scope.get_current_value(state)) for state in states]
        return loss

    for step in range(steps):
        _, gradients = gradients_by_tensors(evaluate, values)
        values = advance(step, values, gradients)
    value = evaluate(*values)
    if random:
        random.state.assign(carried[-1])
    return value, values


def at(variables: Sequence[keras.Variable], values: Sequence[Tensor]) -> AbstractContextManager:
    """Return a context in which `variables` have other values; what is assigned to any variable in it is forgotten."""
    return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


Rule = Callable[[int, list[Tensor], list[Tensor]], list[Tensor]]


def _gradient_descent(optimizer: keras.optimizers.SGD, variables: Sequence[keras.Variable]) -> Rule:
    """Return the rule of SGD with momentum: (step, values, gradients) -> new values."""
    rate, momentum = optimizer.learning_rate, optimizer.momentum
    velocities = list(optimizer.momentums) if momentum else [0.0] * len(variables)

    def advance(step: int, values: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
        for index, gradient in enumerate(gradients):
            velocities[index] = momentum * velocities[index] - rate * gradient
        return [value + velocity for value, velocity in zip(values, velocities, strict=True)]

    return advance


def _adam(optimizer: keras.optimizers.Adam, variables: Sequence[keras.Variable]) -> Rule:
    """Return the rule of Adam (Kingma & Ba 2015, the efficient order of section 2), as Keras computes it."""
    rate, beta_1, beta_2 = optimizer.learning_rate, optimizer.beta_1, optimizer.beta_2
    first, second = list(optimizer._momentums), list(optimizer._velocities)
    done = ops.cast(optimizer.iterations, "float32")

    def advance(step: int, values: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
        count = done + step + 1.0
        size = rate * ops.sqrt(1.0 - beta_2**count) / (1.0 - beta_1**count)
        for index, gradient in enumerate(gradients):
            first[index] = beta_1 * first[index] + (1.0 - beta_1) * gradient
            second[index] = beta_2 * second[index] + (1.0 - beta_2) * ops.square(gradient)
        # The root has no slope at zero, where a gradient has always been zero.
        roots = [ops.sqrt(moment + 1e-30) + optimizer.epsilon for moment in second]
        return [value - size * moment / root for value, moment, root in zip(values, first, roots, strict=True)]

    return advance
