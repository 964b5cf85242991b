"""Backbones, the training loop, and heads on embeddings."""
