"""Compare specifications of the model by what they say of scores, models and families left out."""
