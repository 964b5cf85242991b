"""Chapter 07: projections of embeddings."""
