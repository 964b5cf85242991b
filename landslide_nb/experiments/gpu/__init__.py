"""What a GPU computes, beside the CPU; how fast it is, and how long the `paper` edition takes on it."""
