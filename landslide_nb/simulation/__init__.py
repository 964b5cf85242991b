"""Patches in the challenge's format for those without its data."""
