"""The rings study: which modes of a mixture of Gaussians each option of a GAN keeps, with the published tables."""
