"""Floor 5: from the store to a registered scorer; every MLproject entry point lives here."""
