"""Chapter 01: data exploration."""
