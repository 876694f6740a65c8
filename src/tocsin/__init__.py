"""Tocsin: the alarm bell that rings when jobs go silent."""

__version__ = "0.1.0"
