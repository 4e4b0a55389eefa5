"""Speed and quality, one idea per file; `python -m benchmarks` runs them all.

Machines differ, so what counts is a ratio of two things measured in one run; absolute figures say what the machine
at hand does. Nothing here asserts a speed.
"""
