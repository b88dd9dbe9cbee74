"""Floor 2: what was known about a deal at an instant. The grid, the signals, the labels."""
