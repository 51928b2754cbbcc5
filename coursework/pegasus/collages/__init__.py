"""Training images of winged animals, put together by a program from a data set's own images."""
