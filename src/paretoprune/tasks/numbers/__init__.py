"""Tasks whose targets are numbers: regression, forecasting, reconstruction."""
