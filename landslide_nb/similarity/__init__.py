"""Structural similarity of all pairs of patches: what is asked (`api`), and the kernels."""
