"""The zip that is handed in: what goes into it, the rules that it must keep, and the proof that it runs by itself."""

from coursework.submission.building import submit

__all__ = ["submit"]
