"""The settings of a run and the training loop."""
