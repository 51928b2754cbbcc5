"""One preset with one setting changed at a time, over seeds."""
