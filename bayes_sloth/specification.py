"""What can be chosen about the skills model: kept with every fit, and enough to build it again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from bayes_sloth.errors import InputError

LINKS = ("generalised", "logistic")


@dataclass(frozen=True)
class Specification:
    """The choices that define a skills model.

    Attributes
    ----------
    skills : int
        Number of latent skills.
    link : {"generalised", "logistic"}
        Shape of the curve from ability to score: a generalised logistic with an estimated
        ceiling, or the plain logistic from chance level to 1.
    family_slopes : bool
        Whether growth with size differs between lineages, partially pooled.
    architecture : bool
        Whether depth and FFN size for the size of a model count, where the bundled tables know
        them; a model of unknown shape, and one that is forecast, counts as of average shape.
    """

    skills: int = 2
    link: str = "generalised"
    family_slopes: bool = False
    architecture: bool = False

    def __post_init__(self) -> None:
        """Refuse choices that do not make a model."""
        if isinstance(self.skills, bool) or not isinstance(self.skills, int) or self.skills < 1:
            raise InputError(f"skills={self.skills!r} is not a whole number of at least 1")
        if self.link not in LINKS:
            raise InputError(f"link='{self.link}' is not one of {', '.join(LINKS)}")
        for name in ("family_slopes", "architecture"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name}={getattr(self, name)!r} is neither true nor false")

    def to_json(self) -> str:
        """Write the specification as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Specification:
        """Read what `to_json` wrote; an unknown choice raises `InputError`."""
        choices: dict[str, Any] = json.loads(text)
        unknown = set(choices) - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(f"unknown choice {', '.join(sorted(unknown))} in a specification")
        return cls(**choices)
