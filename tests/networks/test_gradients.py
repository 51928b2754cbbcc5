"""Gradients against derivatives worked out by hand."""

import os
import subprocess
import sys

import keras
import numpy
import pytest
from conftest import array
from keras import ops

from coursework.networks import backend as gradients

pytestmark = pytest.mark.backend


def variable(values, **options):
    return keras.Variable(numpy.asarray(values, "float32"), **options)


def tensor(values):
    return ops.convert_to_tensor(numpy.asarray(values, "float32"))


def test_value_and_gradients_by_variables():
    a, b = variable([1.0, 2.0]), variable(3.0)
    value, (by_a, by_b) = gradients.value_and_gradients(lambda: ops.sum(a * a) * b, [a, b])
    assert array(value) == pytest.approx(15)
    assert array(by_a) == pytest.approx([6, 12])
    assert array(by_b) == pytest.approx(5)


def test_aux_comes_back_with_the_value():
    a = variable(3.0)
    result, (by_a,) = gradients.value_and_gradients(
        lambda: (a * a, {"cube": a * a * a, "name": "x"}), [a], has_aux=True
    )
    loss, aux = result
    assert array(loss) == pytest.approx(9)
    assert ops.convert_to_numpy(aux["cube"]) == pytest.approx(27)
    assert aux["name"] == "x"
    # Kept for a log, neither may hold PyTorch's graph; TensorFlow's tensors have no such attribute.
    assert not any(getattr(kept, "requires_grad", False) for kept in (loss, aux["cube"], by_a))
    assert array(by_a) == pytest.approx(6)


def test_unused_variables_have_zero_gradients_and_untrainable_ones_their_own():
    used, unused, frozen = variable([2.0]), variable([[1.0, 1.0]]), variable([5.0], trainable=False)
    _, found = gradients.value_and_gradients(lambda: ops.sum(used * frozen), [used, unused, frozen])
    assert [array(gradient).tolist() for gradient in found] == [[5.0], [[0.0, 0.0]], [2.0]]
    assert not frozen.trainable
    _, found = gradients.value_and_gradients(lambda: ops.sum(tensor([1.0])), [used])
    assert array(found[0]).tolist() == [0.0]


def test_only_the_asked_for_variables_are_differentiated_where_others_stay_connected():
    generator, discriminator = variable(2.0), variable(5.0)
    _, found = gradients.value_and_gradients(lambda: generator * generator * discriminator, [discriminator])
    assert array(found[0]) == pytest.approx(4)


def test_gradients_of_embeddings_are_dense():
    layer = keras.layers.Embedding(3, 2, embeddings_initializer="ones")
    layer.build()
    labels = ops.convert_to_tensor(numpy.array([0, 2, 2]))
    _, (found,) = gradients.value_and_gradients(lambda: ops.sum(layer(labels)), [layer.embeddings])
    assert array(found).tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


def test_gradients_by_tensors_of_the_sum():
    x, y = tensor([1.0, 2.0]), tensor([3.0, 4.0])
    value, (by_x, by_y) = gradients.gradients_by_tensors(lambda x, y: x**3 * y, [x, y])
    assert array(value) == pytest.approx([3, 32])
    assert array(by_x) == pytest.approx([9, 48])
    assert array(by_y) == pytest.approx([1, 8])


def test_gradients_by_tensors_nest_to_higher_derivatives():
    def first(x):
        return gradients.gradients_by_tensors(lambda x: ops.sum(x**3), [x])[1][0]

    def second(x):
        return gradients.gradients_by_tensors(first, [x])[1][0]

    value, (third,) = gradients.gradients_by_tensors(second, [tensor([1.0, -2.0])])
    assert array(first(tensor([1.0, -2.0]))) == pytest.approx([3, 12])
    assert array(value) == pytest.approx([6, -12])
    assert array(third) == pytest.approx([6, 6])


def test_a_gradient_penalty_is_differentiated_by_variables():
    weight, x = variable(3.0), tensor([1.0, 2.0])

    def penalty():
        _, (slope,) = gradients.gradients_by_tensors(lambda x: weight * x * x, [x])
        return ops.sum(slope**2)

    # slope = 2wx, so the penalty is 4w²Σx² = 20w².
    value, (found,) = gradients.value_and_gradients(penalty, [weight])
    assert array(value) == pytest.approx(180)
    assert array(found) == pytest.approx(120)


def test_an_unrolled_step_is_differentiated_through():
    rate, start = 0.25, tensor(2.0)

    def after_step(theta):
        _, (slope,) = gradients.gradients_by_tensors(lambda w: 0.5 * (w - theta) ** 2, [start])
        return (start - rate * slope) ** 2

    # w₁ = w₀ − η(w₀ − θ) = 1.75 at θ = 1, and d(w₁²)/dθ = 2 w₁ η.
    value, (found,) = gradients.gradients_by_tensors(after_step, [tensor(1.0)])
    assert array(value) == pytest.approx(1.75**2)
    assert array(found) == pytest.approx(2 * 1.75 * rate)


def test_tensors_that_the_function_ignores_have_zero_gradients():
    _, found = gradients.gradients_by_tensors(lambda x, y: x * 2.0, [tensor([1.0]), tensor([[1.0, 2.0]])])
    assert [array(gradient).tolist() for gradient in found] == [[2.0], [[0.0, 0.0]]]


def test_a_search_without_gradient_keeps_no_graph():
    latent = tensor([1.0, -4.0])
    with gradients.no_gradient():
        for _ in range(5):
            value, (slope,) = gradients.gradients_by_tensors(lambda z: ops.sum(z * z), [latent])
            latent = latent - 0.25 * slope
    assert array(latent) == pytest.approx([0.5**5, -4 * 0.5**5])
    assert not getattr(latent, "requires_grad", False)
    assert not getattr(value, "requires_grad", False)


def test_without_gradient_gives_constants():
    a = variable(3.0)

    def loss():
        square, (cube,) = gradients.without_gradient(lambda power: (a * a, [a**power]), 3)
        return a * square + cube

    value, (found,) = gradients.value_and_gradients(loss, [a])
    assert array(value) == pytest.approx(54)
    assert array(found) == pytest.approx(9)


def test_value_and_gradients_works_inside_no_gradient():
    a = variable(3.0)
    with gradients.no_gradient():
        _, (found,) = gradients.value_and_gradients(lambda: a * a, [a])
    assert array(found) == pytest.approx(6)


def test_apply_gradients_updates_by_the_optimizers_rule():
    a, b = variable([1.0, 2.0]), variable(3.0)
    gradients.apply_gradients(keras.optimizers.SGD(0.5), [tensor([1.0, -1.0]), tensor(2.0)], [a, b])
    assert array(a) == pytest.approx([0.5, 2.5])
    assert array(b) == pytest.approx(2.0)
    # Adam's first step is the rate in the gradient's direction, whatever its size.
    gradients.apply_gradients(keras.optimizers.Adam(0.1, epsilon=1e-8), [tensor([1.0, -50.0])], [a])
    assert array(a) == pytest.approx([0.4, 2.6], abs=1e-5)


class Line(keras.Model):
    """Fits slope * x to targets by gradient descent in a `train_step` of its own."""

    def __init__(self):
        super().__init__()
        self.slope = self.add_weight(name="slope", shape=(), initializer="zeros")
        self.built = True

    def call(self, x):
        return self.slope * x

    def train_step(self, data):
        x, y = data
        value, found = gradients.value_and_gradients(lambda: ops.mean((self(x) - y) ** 2), [self.slope])
        gradients.apply_gradients(self.optimizer, found, [self.slope])
        # Not "loss": fit would show its own tracker of that name.
        return {"error": value}


def test_a_train_step_runs_compiled_by_plain_fit():
    model = Line()
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    x = numpy.ones((8, 1), "float32")
    history = model.fit(x, 2 * x, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    # Each of four steps takes a fifth off the error, 2 at first; an epoch logs its last step's loss.
    assert history["error"] == pytest.approx([(2 * 0.8) ** 2, (2 * 0.8**3) ** 2], rel=1e-5)
    assert array(model.slope) == pytest.approx(2 - 2 * 0.8**4, rel=1e-5)


def run_python(code, **environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def test_enable_determinism_reaches_the_backend():
    code = """
from coursework.networks import backend as gradients
gradients.enable_determinism()
if gradients.BACKEND == "torch":
    import os, torch
    assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
else:
    import tensorflow
    try:
        tensorflow.random.normal((2,))
    except RuntimeError as error:  # a random operation without a seed is refused
        assert "determinism" in str(error), error
    else:
        raise SystemExit("nothing refused")
"""
    finished = run_python(code, CUBLAS_WORKSPACE_CONFIG=":4096:8")
    assert finished.returncode == 0, finished.stderr


def test_another_backend_is_refused_in_one_line():
    finished = run_python("import keras; keras.backend.backend = lambda: 'jax'; import coursework.networks.backend")
    assert finished.returncode != 0
    assert finished.stderr.strip().endswith(": the Keras backend is jax: set KERAS_BACKEND to tensorflow or torch")
