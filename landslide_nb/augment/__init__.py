"""The training table, SSIM-SMOTE (offline) and colour, geometry, CutMix and Mixup (online)."""
