"""Where patches come from, a file for each kind."""
