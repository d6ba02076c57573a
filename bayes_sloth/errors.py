"""Errors that a user can put right."""

from __future__ import annotations


class InputError(ValueError):
    """Something given by the user cannot be used.

    The message is meant to be shown as it is: it names the file, the row and the column where
    there are any, and says what to do.
    """
