"""Ring 1: numpy only. No files, no models, no clock."""
