"""The command line: `main` parses and calls, one file for each group of verbs."""
