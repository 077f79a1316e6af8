"""Latency: timing, the table of layer times, and the forecast for any widths."""
