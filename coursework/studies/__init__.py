"""Trainings compared: variations, lines, rings, codes, the Pegasus benchmark."""
