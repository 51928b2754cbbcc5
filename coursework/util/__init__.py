"""Errors, files, locks, cache and progress; knows nothing of models."""
