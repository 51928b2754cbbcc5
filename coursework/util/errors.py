"""The one exception whose message is meant for the user."""


class UserError(Exception):
    """A mistake or a fault that one clear line explains; the command line prints it and exits with code 2."""

    @property
    def lines(self):
        """What is told, a line each."""
        return [str(self)]


class UserErrors(UserError):
    """Several mistakes, told in one go."""

    def __init__(self, lines):
        super().__init__("; ".join(lines))
        self.all = list(lines)

    @property
    def lines(self):
        """What is told, a line each."""
        return self.all


class CannotWrite(UserError):
    """A file could not be written; whatever stood under its name before is still there."""
