"""The one exception for mistakes a user can make and mend.

Everything a person can cause (a key that does not exist, a truncated file, a GPU that is not
there) is raised as a `UserError`: one line that names the file or key and the remedy. The command
line prints that line alone. Programming errors keep their traceback.
"""


class UserError(Exception):
    """A mistake that the user can mend.

    Args:
        what: what is wrong, naming the file or the configuration key.
        remedy: what to do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        # One line, whatever the parts hold: the command line prints it as it stands.
        super().__init__(" ".join(f"{what.rstrip('.')}. {remedy}".split()))
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str]]:
        """Pickle by the two parts, so that a worker process can hand the error back."""
        return type(self), (self.what, self.remedy)
