"""Chapter 02: SSIM-SMOTE."""
