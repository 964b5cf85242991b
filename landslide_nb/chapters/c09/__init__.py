"""Chapter 09: the incremental ensemble."""
