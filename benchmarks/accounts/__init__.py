"""How far account-side evidence reaches: whom it finds, whom it leaves alone, and where it ends.

`days` runs simulated days through the recipe, `judge` compares with the truth, `seeds`, `ablation` and `stress` are the
three experiments; `tables`, `chart` and `page` tell what came out. `python -m benchmarks.accounts` runs them.
"""
