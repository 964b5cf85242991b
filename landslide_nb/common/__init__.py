"""What all rooms may use: errors, progress, files, locks, the store of kept results."""

from landslide_nb.common.compiled import choose_cache

choose_cache()  # before any module of ours, or umap, has numba compile
