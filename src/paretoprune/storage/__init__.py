"""What lies on disk: atomic files, the driver's lock, the content cache, the sweep folder."""
