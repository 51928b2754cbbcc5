"""The one exception whose message is meant for the user."""

from collections.abc import Sequence


class UserError(Exception):
    """An error that one clear line explains; the command line prints it and exits with code 2."""

    @property
    def lines(self) -> list[str]:
        """The lines to print."""
        return [str(self)]


class UserErrors(UserError):
    """Several errors, reported together."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.all = list(lines)

    @property
    def lines(self) -> list[str]:
        """The lines to print."""
        return self.all


class CannotWrite(UserError):
    """A file could not be written; its previous content is still there."""
