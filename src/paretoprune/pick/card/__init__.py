"""The model card: the README of an exported model."""
