"""Landslide classification from 12-band Sentinel-1/2 patches: the package that the book's chapters call.

A patch walks through it in this order: ``data`` → ``augment`` → ``models`` → ``analysis`` → ``study`` → ``runs`` →
``chapters`` → ``cli``. Imports point that way only.
"""

import os

# Threads that wait by spinning slow two processes on two cores down thirty-fold. Read when torch's threads are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
