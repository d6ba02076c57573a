"""Compare specifications of the model by what they say of scores, models and families left out.

`specifications` names and reads them, `grid` fits them, `units` says what is left out,
`integrals` integrates over its effects, `evaluating` judges one fit, `comparison` all of them;
`ensemble` makes one of several fits, `robustness` asks what a comparison rests on, and
`comparison_plots` draws.
"""
