"""Tasks that a user's own code defines: a LightningModule, or functions."""
