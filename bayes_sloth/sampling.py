"""Draw from the posterior with NUTS: nutpie by default, PyMC's own sampler or NumPyro by option."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

SAMPLERS = ("nutpie", "pymc", "numpyro")


@dataclass(frozen=True)
class Sampling:
    """How to draw: kept with a fit.

    Attributes
    ----------
    chains, tune, draws : int
        Chains, and for each chain the steps of adaptation and the draws kept.
    seed : int
        The same seed on the same machine and versions gives the same draws.
    sampler : {"nutpie", "pymc", "numpyro"}
        Whose NUTS.
    cores : int or None
        Chains at a time; as many as the machine has cores if not given.
    target_accept : float
        Acceptance that the step size is adapted to: nearer 1, smaller steps.
    """

    chains: int = 4
    tune: int = 500
    draws: int = 1000
    seed: int = 1
    sampler: str = "nutpie"
    cores: int | None = None
    target_accept: float = 0.8

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.sampler not in SAMPLERS:
            raise InputError(f"sampler '{self.sampler}' is not one of {', '.join(SAMPLERS)}")
        for name in ("chains", "tune", "draws"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} must be at least 1")
        if not 0 < self.target_accept < 1:
            raise InputError(f"target_accept={self.target_accept} must lie between 0 and 1")


def compile_model(model: pm.Model, variables: list[str] | None = None) -> Any:
    """Compile a model for nutpie, with its data left free to change.

    Parameters
    ----------
    model : pymc.Model
    variables : list of str, optional
        What to store of each draw; everything by default.

    Returns
    -------
    nutpie.CompiledModel
        ``.with_data(cell=..., known_score=..., reference=...)`` gives the model of other known
        scores (`bayes_sloth.model.observed_cells`) without compiling again. PyTensor keeps
        compiled code on disk, so the next process spends a fraction of the time.
    """
    import nutpie

    with interrupt_afterwards():
        return nutpie.compile_pymc_model(model, freeze_model=False, var_names=variables)


@contextmanager
def interrupt_afterwards() -> Iterator[None]:
    """Let an interruption wait for the compiler, whose callbacks would swallow it.

    A second one ends the process as always.
    """
    before, seen = signal.getsignal(signal.SIGINT), []
    ours = threading.current_thread() is threading.main_thread()
    if not ours or before == signal.SIG_IGN:
        yield
        return

    def wait(*_: object) -> None:
        seen.append(True)
        signal.signal(signal.SIGINT, before)
        sys.stderr.write("\ninterrupted: stops once compiled; again to stop at once\n")

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if seen:
        raise KeyboardInterrupt


def sample(
    model: Any, sampling: Sampling | None = None, *, progress: bool | None = None
) -> xr.DataTree:
    """Draw from the posterior of a model.

    Parameters
    ----------
    model : pymc.Model or nutpie.CompiledModel
        A compiled model is for nutpie alone.
    sampling : Sampling, optional
    progress : bool, optional
        Whether to show a progress bar; by default only where a person can see it move.

    Returns
    -------
    DataTree
        Groups ``posterior`` and ``sample_stats`` with dims ``chain`` and ``draw``.
    """
    from threadpoolctl import threadpool_limits

    sampling = sampling or Sampling()
    progress = watched() if progress is None else progress
    # Chains already fill the cores; threads of BLAS beneath them cost a factor of three.
    with threadpool_limits(1):
        if sampling.sampler == "nutpie":
            return _nutpie(model, sampling, progress)
        return _pymc(model, sampling, progress)


def watched() -> bool:
    """Return whether somebody watches: a terminal, or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _nutpie(model: Any, sampling: Sampling, progress: bool) -> xr.DataTree:
    import nutpie
    import pymc as pm

    compiled = compile_model(model) if isinstance(model, pm.Model) else model
    return nutpie.sample(
        compiled,
        chains=sampling.chains,
        tune=sampling.tune,
        draws=sampling.draws,
        seed=sampling.seed,
        cores=sampling.cores,
        progress_bar=progress,
        target_accept=sampling.target_accept,
        save_warmup=False,
    )


def _pymc(model: pm.Model, sampling: Sampling, progress: bool) -> xr.DataTree:
    import pymc as pm

    if sampling.sampler == "numpyro":
        try:
            import numpyro  # noqa: F401
        except ImportError:
            raise InputError(
                "sampler 'numpyro' is not installed; pip install 'bayes-sloth[numpyro]'"
            ) from None
    with model:
        tree = pm.sample(
            chains=sampling.chains,
            tune=sampling.tune,
            draws=sampling.draws,
            random_seed=np.random.default_rng(sampling.seed),
            cores=sampling.cores,
            nuts_sampler=sampling.sampler,
            progressbar=progress,
            target_accept=sampling.target_accept,
            compute_convergence_checks=False,
        )
    return tree
