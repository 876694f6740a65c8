"""Worked examples, played through the real application on a database in memory, with a clock that jumps."""
