"""Networks, their pretrained weights, and heads on embeddings."""
