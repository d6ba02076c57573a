"""Test-time compute: what a model reaches when it may try again."""
