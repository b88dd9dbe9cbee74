"""Floor 5: the HTTP API and the pages."""
