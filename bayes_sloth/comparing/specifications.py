"""Specifications by name, and as text: ``skills=3,link=logistic`` or ``pca,skills=3``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from bayes_sloth.errors import InputError
from bayes_sloth.specification import Specification
from bayes_sloth.validate import nearest

# Bayesian forms of the plain laws, with family intercepts that are pooled.
NAMED: dict[str, dict[str, Any]] = {
    "default": {},
    "flops": {"skills": 0, "link": "logistic", "covariates": "flops"},
    "size-tokens": {"skills": 0, "link": "logistic", "covariates": "sloth"},
    "pca": {"deviations": False, "link": "logistic", "covariates": "flops"},
    "sloth": {"skills": 3, "deviations": False, "covariates": "sloth"},
}


def read_specifications(texts: Iterable[str]) -> dict[str, Specification]:
    """Return specifications by name.

    Parameters
    ----------
    texts : iterable of str
        Each a name of `NAMED`, choices as ``skills=3,link_shape.sigma=1.2``, or both; with
        ``mine:`` before it, under the name of one's own.

    Returns
    -------
    dict of str to Specification

    Raises
    ------
    InputError
        For a choice that does not exist, or a name given twice.
    """
    found: dict[str, Specification] = {}
    for text in texts:
        name, specification = read_specification(text)
        if name in found:
            raise InputError(f"'{name}' is given twice; name one of them, as mine:{name}")
        same = next((other for other, known in found.items() if known == specification), None)
        if same is not None:
            raise InputError(f"'{name}' is the same model as '{same}'")
        found[name] = specification
    return found


def read_specification(text: str) -> tuple[str, Specification]:
    """Return name and specification of one text; see `read_specifications`."""
    name, colon, rest = text.partition(":")
    choices: dict[str, Any] = {}
    priors: dict[str, Any] = {}
    for i, part in enumerate((rest if colon else text).split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals and i == 0 and key in NAMED:
            choices |= NAMED[key]
        elif not equals:
            raise InputError(
                f"'{text}': '{key}' is not a specification{nearest(key, NAMED)}; names are "
                f"{', '.join(NAMED)}, choices look like skills=3"
            )
        elif "." in key:
            priors[key] = _number(value)
        else:
            choices[key] = _value(key, value)
    try:
        return (name if colon else text), Specification.of(choices | {"priors": priors})
    except InputError as error:
        raise InputError(f"'{text}': {error}") from None


def _value(key: str, text: str) -> Any:
    """Return the value of a choice by the type of its default; others are refused later."""
    default = next((f.default for f in fields(Specification) if f.name == key), None)
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    number = _number(text)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
