"""Ring 2: pixels in, arrays out. No database, no torch."""
