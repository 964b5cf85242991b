"""Chapter 11: from patches to a map."""
