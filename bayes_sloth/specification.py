"""What can be chosen about the skills model: kept with every fit, and enough to build it again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bayes_sloth.errors import InputError

LINKS = ("generalised", "logistic")
COVARIATES = ("translog", "sloth", "flops")
NOISES = ("robust", "normal")


@dataclass(frozen=True)
class Specification:
    """The choices that define a skills model; plain laws are corners of it.

    Attributes
    ----------
    skills : int
        Number of latent skills; with none, each benchmark follows a law of its own.
    link : {"generalised", "logistic"}
        Shape of the curve from ability to score: a generalised logistic with an estimated
        ceiling, or the plain logistic from chance level to 1.
    family_slopes : bool
        Whether growth with size differs between lineages, partially pooled.
    covariates : {"translog", "sloth", "flops"}
        What ability grows with: size, tokens, their product and the square of size; Sloth's
        production function, without the square; or training compute alone.
    deviations : bool
        Whether benchmarks have pooled deviations of their own beside the skills.
    noise : {"robust", "normal"}
        Distribution of scores around their expectation: Student's t, or its normal limit.
    architecture : bool
        Whether depth and FFN size for the size of a model count, where the bundled tables know
        them; a model of unknown shape, and one that is forecast, counts as of average shape.
    priors : mapping of str to mapping of str to float
        Parameters of priors other than those of `bayes_sloth.priors`, as
        ``{"link_shape": {"sigma": 1.2}}``; kept as sorted pairs ``("link_shape.sigma", 1.2)``.
    """

    skills: int = 2
    link: str = "generalised"
    family_slopes: bool = False
    covariates: str = "translog"
    deviations: bool = True
    noise: str = "robust"
    architecture: bool = False
    priors: Any = ()

    def __post_init__(self) -> None:
        """Refuse choices that do not make a model."""
        if isinstance(self.skills, bool) or not isinstance(self.skills, int) or self.skills < 0:
            raise InputError(f"skills={self.skills!r} is not a whole number of at least 0")
        for name, known in (("link", LINKS), ("covariates", COVARIATES), ("noise", NOISES)):
            if getattr(self, name) not in known:
                raise InputError(f"{name}='{getattr(self, name)}' is not one of {', '.join(known)}")
        for name in ("family_slopes", "deviations", "architecture"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name}={getattr(self, name)!r} is neither true nor false")
        if not self.skills and not self.deviations:
            raise InputError("skills=0 leaves nothing but deviations; use deviations=true")
        if self.family_slopes and (self.covariates != "translog" or not self.deviations):
            raise InputError(
                "family_slopes=true is for covariates=translog with deviations=true only"
            )
        object.__setattr__(self, "priors", _pairs(self.priors))

    def to_json(self) -> str:
        """Write the specification as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Specification:
        """Read what `to_json` wrote; an unknown choice raises `InputError`."""
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, choices: Mapping[str, Any]) -> Specification:
        """Return the specification of named choices; an unknown one raises `InputError`."""
        known = [field.name for field in fields(cls)]
        unknown = set(choices) - set(known)
        if unknown:
            raise InputError(
                f"unknown choice {', '.join(sorted(unknown))} in a specification; "
                f"choices are {', '.join(known)}"
            )
        return cls(**choices)

    def require_benchmarks(self, count: int) -> None:
        """Refuse more skills than there are benchmarks."""
        if self.skills > count:
            raise InputError(
                f"{self.skills} skills cannot be told apart on {count} benchmark(s); "
                f"use skills={count} or fewer"
            )

    def describe(self) -> str:
        """Return the choices in words."""
        counted = "1 skill" if self.skills == 1 else f"{self.skills} skills"
        skills = counted if self.skills else "no skills, each benchmark on its own"
        own = "" if self.deviations else ", nothing beside the skills"
        growth = {
            "flops": "growth with FLOPs",
            "translog": "growth by lineage" if self.family_slopes else "common growth",
            "sloth": "common growth without the square of size",
        }[self.covariates]
        noise = ", normal noise" if self.noise == "normal" else ""
        priors = "".join(f", {name}={value:g}" for name, value in self.priors)
        shape = ", architecture" if self.architecture else ""
        return f"{skills}{own}, {self.link} link, {growth}{shape}{noise}{priors}"


def _pairs(given: Any) -> tuple[tuple[str, float], ...]:
    """Return overrides of priors as sorted pairs of ``parameter.number`` and value."""
    from bayes_sloth.priors import PRIORS

    flat: dict[str, Any] = {}
    for name, value in given.items() if isinstance(given, Mapping) else given:
        if isinstance(value, Mapping):
            flat |= {f"{name}.{part}": number for part, number in value.items()}
        else:
            flat[name] = value
    for name, value in flat.items():
        parameter, _, part = name.partition(".")
        if parameter not in PRIORS:
            raise InputError(f"there is no prior '{parameter}'; priors are {', '.join(PRIORS)}")
        parts = PRIORS[parameter].parameters
        if part not in parts:
            raise InputError(
                f"prior '{name}': {PRIORS[parameter]} has {', '.join(parts)}, "
                f"as {parameter}.{next(iter(parts))}"
            )
        number = isinstance(value, (int, float)) and math.isfinite(value)
        if not number or (part != "mu" and value <= 0):
            wanted = "a number" if part == "mu" else "a positive number"
            raise InputError(f"prior '{name}', value {value!r}: give {wanted}")
    return tuple(sorted((name, float(value)) for name, value in flat.items()))
