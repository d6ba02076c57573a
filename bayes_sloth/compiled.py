"""One compiled model for many refits of a table of scores, and keys by which results are kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bayes_sloth import __version__
from bayes_sloth.design import make_design

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes_sloth.design import Design
    from bayes_sloth.scores import Scores
    from bayes_sloth.specification import Specification


def compiled_model(
    scores: Scores, specification: Specification, *, everything: bool = False
) -> tuple[Design, Any]:
    """Compile the model of a table, once in each process; refits differ in their data alone.

    Parameters
    ----------
    scores : Scores
        Models with size and tokens.
    specification : Specification
    everything : bool
        Whether draws hold all variables, not only what a forecast needs.

    Returns
    -------
    design : Design
    compiled : nutpie.CompiledModel
        See `bayes_sloth.sampling.compile_model`.
    """
    return _compiled(_Hashed(scores, content_key(scores, {})), specification, everything)


def content_key(scores: Scores, settings: Mapping[str, Any]) -> str:
    """Return a short name for a table with settings, by content and version."""
    text = scores.to_frame().to_csv() + scores.benchmarks.to_csv()
    text += json.dumps(settings, sort_keys=True) + __version__
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Hashed:
    """A table of scores that compares by its content, so that a model is compiled once."""

    scores: Scores
    key: str

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.key == self.key


@lru_cache(maxsize=2)
def _compiled(
    scores: _Hashed, specification: Specification, everything: bool
) -> tuple[Design, Any]:
    from bayes_sloth.model import FORECAST_VARIABLES, build_model
    from bayes_sloth.sampling import compile_model

    design = make_design(scores.scores)
    model = build_model(design, specification)
    needed = [name for name in FORECAST_VARIABLES if name in model.named_vars]
    return design, compile_model(model, None if everything else needed)
