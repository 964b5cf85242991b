"""Landslide classification from satellite patches: the package that the book's chapters call.

It is built of rooms, from the ground up; imports go downwards only. CONTRIBUTING.md says what is where.
"""

__version__ = "0.1.0"
