"""Cards of the data sets shipped here; none needs torch."""
