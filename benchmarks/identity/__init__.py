"""Whether campaigns keep their ids over a month, whatever their operators do.

`told` reads what runs say, `judge` compares days with the truth, `trials` makes the days, `tables` and `page` tell what
came out. `python -m benchmarks.identity` runs them.
"""
