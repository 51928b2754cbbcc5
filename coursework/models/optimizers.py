"""From an optimiser's settings to a Keras optimiser."""

import keras


def build_optimizer(config, steps):
    """Return the optimiser of `config`; `steps` is the number of updates over which a linear decay reaches zero."""
    rate = config.rate
    if config.decay == "linear":
        rate = keras.optimizers.schedules.PolynomialDecay(config.rate, decay_steps=steps, end_learning_rate=0.0)
    if config.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.beta_1)
    return keras.optimizers.Adam(rate, beta_1=config.beta_1, beta_2=config.beta_2, epsilon=config.epsilon)
