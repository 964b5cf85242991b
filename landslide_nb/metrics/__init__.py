"""Scores with intervals, thresholds, calibration, prior shift."""
