"""What searches climb: the witness's evidence of a body with wings, or two critics of the run itself."""

from keras import ops


def evidence_of(task):
    """Return the term of the task's witness: log evidence (n,) of images in [-1, 1]."""

    def term(images, fixed):
        return task.log_evidence((images + 1.0) * 127.5)

    return term


def critics_of(trained):
    """Return the term log sigmoid D(image, body) + log sigmoid D(image, wings), D the run's own discriminator.

    A product of experts (Hinton 2002): the image should pass for a real one of either class. A sigmoid, where a plain
    sum of logits would let one class pay for the other. Read from `fixed`: "body" and "wings" (n, class_count).
    Raises `UserError` for a run that keeps no discriminator.
    """
    discriminator = trained.network("discriminator")

    def term(images, fixed):
        logits = [discriminator([images, fixed[name]], training=False)[:, 0] for name in ("body", "wings")]
        return sum(ops.log_sigmoid(ops.cast(value, "float32")) for value in logits)

    return term
