"""Unrolled optimisation (Metz et al. 2017): what an optimiser would make of weights, differentiable throughout."""

import keras
from keras import ops

from coursework.networks.backend import gradients_by_tensors


def look_ahead(objective, variables, optimizer, steps, random=None):
    """Return what `variables` become in `steps` updates on `objective`, as tensors; they are not assigned.

    objective: function without arguments -> scalar loss. optimizer: a Keras Adam or SGD, whose slots and count of
    updates are where the updates start from. random: the `SeedGenerator` that `objective` draws from, if from any: each
    update draws anew, as a real one does, and what is drawn is not drawn again. The tensors depend differentiably on
    whatever `objective` depends on, by the gradients too (equations 7 to 9 of the paper); `at` puts them in the
    variables' places.
    """
    # Not convert_to_tensor, which leaves a variable what it is.
    values = [ops.copy(variable) for variable in variables]
    rule = _adam if isinstance(optimizer, keras.optimizers.Adam) else _gradient_descent
    advance = rule(optimizer, variables)
    states = [random.state] if random else []
    drawn = [ops.copy(state) for state in states]

    def evaluate(*values):
        with at([*variables, *states], [*values, *drawn]) as scope:
            loss = objective()
            drawn[:] = [scope.get_current_value(state) for state in states]
        return loss

    for step in range(steps):
        _, gradients = gradients_by_tensors(evaluate, values)
        values = advance(step, values, gradients)
    for state, value in zip(states, drawn, strict=True):
        state.assign(value)
    return values


def at(variables, values):
    """Return a context in which `variables` have other values; what is assigned to any variable in it is forgotten."""
    return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


def _gradient_descent(optimizer, variables):
    """Return the rule of SGD with momentum: (step, values, gradients) -> new values."""
    rate, momentum = optimizer.learning_rate, optimizer.momentum
    velocities = list(optimizer.momentums) if momentum else [0.0] * len(variables)

    def advance(step, values, gradients):
        for index, gradient in enumerate(gradients):
            velocities[index] = momentum * velocities[index] - rate * gradient
        return [value + velocity for value, velocity in zip(values, velocities, strict=True)]

    return advance


def _adam(optimizer, variables):
    """Return the rule of Adam (Kingma & Ba 2015, the efficient order of section 2), as Keras computes it."""
    rate, beta_1, beta_2 = optimizer.learning_rate, optimizer.beta_1, optimizer.beta_2
    first, second = list(optimizer._momentums), list(optimizer._velocities)
    done = ops.cast(optimizer.iterations, "float32")

    def advance(step, values, gradients):
        count = done + step + 1.0
        size = rate * ops.sqrt(1.0 - beta_2**count) / (1.0 - beta_1**count)
        for index, gradient in enumerate(gradients):
            first[index] = beta_1 * first[index] + (1.0 - beta_1) * gradient
            second[index] = beta_2 * second[index] + (1.0 - beta_2) * ops.square(gradient)
        # The root has no slope at zero, where a gradient has always been zero.
        roots = [ops.sqrt(moment + 1e-30) + optimizer.epsilon for moment in second]
        return [value - size * moment / root for value, moment, root in zip(values, first, roots, strict=True)]

    return advance
