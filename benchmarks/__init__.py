"""Measurements of time, memory, agreement and survival, and the scripts behind committed files."""
