"""Drawing: grids, curves, diagrams and bars, without Keras."""
