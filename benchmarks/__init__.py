"""Measurements as ratios within one run; `python -m benchmarks.<name>` prints a table. Never pass or fail of a test."""
