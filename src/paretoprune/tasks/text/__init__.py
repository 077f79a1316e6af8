"""Tasks of token ids: classification, language models, models of transformers."""
