"""Values of cells: dates, numbers, units and measures in the ways that apps write them."""
