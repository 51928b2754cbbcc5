"""The lines task of the ACAI paper."""
