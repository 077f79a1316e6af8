"""Ways to quantize a trained model: one file each, built from `quantization=...`."""
