"""The one exception whose message is meant for the user."""


class UserError(Exception):
    """A mistake or a fault that one clear line explains; the command line prints it and exits with code 2."""


class CannotWrite(UserError):
    """A file could not be written; whatever stood under its name before is still there."""
