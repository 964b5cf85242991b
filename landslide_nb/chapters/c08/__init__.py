"""Chapter 08: band occlusion."""
