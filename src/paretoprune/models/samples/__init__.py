"""Networks for tables, series, ratings and reconstruction."""
