"""The one kind of exception that a user is meant to read."""


class TextLSTMError(Exception):
    """A fault that the user can mend; its text is one clear message: what, where, expected, got, what to do."""
