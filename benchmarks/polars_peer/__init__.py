"""Every signal in plain Polars, without this project's code: the strongest peer of the kernel."""
