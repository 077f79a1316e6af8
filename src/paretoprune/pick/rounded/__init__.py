"""Files of models with rounded weights: integer modules, the compact file, their errors."""
