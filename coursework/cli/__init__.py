"""The command line: `main` runs it, each other file adds a group of verbs."""
