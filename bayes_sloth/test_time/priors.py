"""Priors of the item-response model, each with its reason; in logits of one attempt's success."""

from __future__ import annotations

from bayes_sloth.priors import Prior, scale_prior

PRIORS = {
    "mean_easiness": Prior(
        "Normal",
        {"mu": -1.0, "sigma": 3.0},
        "the typical model answers the typical question once in a thousand attempts to nearly "
        "always: test sets are chosen to be hard, hardly impossible",
    ),
    "easiness_sd": scale_prior(
        2.0,
        0.5,
        "questions of one test set differ from one that is right one time in two to one that is "
        "right one time in ten or fifty; a factor of e either way lies within two sd",
    ),
    "discrimination_sd": scale_prior(
        0.25,
        0.6,
        "questions answer to ability by factors of 0.6 to 1.6 of one another (log scale); nearly "
        "equal ones (0.08) lie within two sd",
    ),
    "ability_sd": scale_prior(
        2.0,
        0.6,
        "models that are worth comparing differ by one to several logits",
    ),
    "residual_sd": scale_prior(
        1.0,
        0.5,
        "what one model has with one question alone (it saw its like in training, or misreads it): "
        "thousands of samples show it, and binomial noise cannot be it",
    ),
    "impossible_share": Prior(
        "Beta",
        {"alpha": 1.0, "beta": 40.0},
        "questions that no model answers however often it tries, as their key is wrong or their "
        "text incomplete: none to some percent of a test set (below 7 % with 95 % probability)",
    ),
}
