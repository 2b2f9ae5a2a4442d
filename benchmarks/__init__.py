"""Measurements: synthetic portfolios and how long, and how large, the program gets on them. See docs/benchmarks.md."""
