"""From an address to a folder: download, safe extraction, all or nothing. Needs no torch."""
