"""Patches: the bands, reading and writing, simulation, statistics, channels, scaling and splits."""
