"""Chapter 04: backbones."""
