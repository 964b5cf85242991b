"""The study, its runs, what they cost, what is kept of them, how they compare."""
