"""Training: the loop, the run directory, exact resume, guards."""
