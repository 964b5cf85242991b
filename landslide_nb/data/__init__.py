"""Bands, patches in and out, channels, scaling, and who trains, validates and is held out."""
