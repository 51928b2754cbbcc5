"""Deep generative models on small images: train them, score them honestly, generate a Pegasus."""

__version__ = "0.1.0"
