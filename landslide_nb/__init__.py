"""Landslide classification from 12-band Sentinel-1/2 patches: the package that the book's chapters call.

A patch walks through it in this order: ``data`` → ``augment`` → ``models`` → ``analysis`` → ``study`` → ``runs`` →
``chapters`` → ``cli``. Imports point that way only.
"""

__version__ = "0.1.0"
