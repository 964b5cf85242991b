"""Chapter 05: ablations."""
