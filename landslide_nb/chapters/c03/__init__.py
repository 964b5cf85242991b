"""Chapter 03: augmentation."""
