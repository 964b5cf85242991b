"""What a network leans on: occlusion, perturbations, projections of its embeddings."""
