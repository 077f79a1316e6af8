"""Tables, series and ratings: samples that are tensors in memory, without labels of images."""
