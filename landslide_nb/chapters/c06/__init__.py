"""Chapter 06: heads."""
