"""Scores of a run, or of any two sets of images, with their provenance."""
