"""Training samples as rows, SSIM-SMOTE, and augmentation of a batch."""
