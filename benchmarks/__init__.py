"""Training steps and start-up, timed beside the same work in PyTorch."""
