"""Write the figures of ``docs/test_time.md`` from the committed results; computes no forecast.

::

    python benchmarks/test_time_page.py
"""

from __future__ import annotations

import pandas as pd
from page_blocks import RESULTS, write_page
from results_page import markdown


def scenario_table(results: pd.DataFrame) -> pd.DataFrame:
    new = results[results["role"] == "never sampled"]
    return pd.DataFrame(
        {
            "scenario": new["scenario"],
            "k": new["k"],
            "replicates": new["replicates"].astype(str),
            "truth, mean": new["actual"],
            "error, points": new["mae"].map("{:.1f}".format),
            "inside 90 %": new["coverage90"],
            "width 90 %, points": new["width90"].map("{:.0f}".format),
        }
    )


def diagnostics_sentence(results: pd.DataFrame) -> str:
    passed = "Every" if (results["fits_passed"] == 1).all() else "**Not every**"
    fitting = results.loc[results["role"] == "sampled", "seconds"]  # of a fit, not of a forecast
    return (
        f"{passed} item-response fit passed its diagnostics (R-hat <= "
        f"{results['largest_rhat'].max():.3f}, ESS >= {results['smallest_ess'].min():.0f}, "
        f"{results['divergences'].sum():.0f} divergences). A fit took "
        f"{results['processor_seconds'].max():.0f} s of processor time for sampling and "
        f"{results['compile_seconds'].max():.0f} s (wall) for compiling the first time, on a busy "
        f"machine where sampling took {fitting.min():.0f} to {fitting.max():.0f} s of wall time; "
        "peak memory of the whole benchmark, with the skills fit and all draws of the success "
        f"rates, was {results['peak_memory_gb'].max():.1f} GB."
    )


def blocks() -> dict[str, str]:
    results = pd.read_csv(RESULTS / "test_time.csv")
    return {
        "scenarios": markdown(scenario_table(results)),
        "diagnostics": diagnostics_sentence(results),
    }


if __name__ == "__main__":
    write_page("test_time", blocks())
