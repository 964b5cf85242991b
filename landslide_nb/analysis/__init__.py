"""Scores with intervals, explanations, and every picture and table of the book."""
