"""Benchmarks: what Tocsin reaches, beside what this machine could at most. See bench/README.md."""
