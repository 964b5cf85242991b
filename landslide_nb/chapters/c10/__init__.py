"""Chapter 10: what replicates."""
