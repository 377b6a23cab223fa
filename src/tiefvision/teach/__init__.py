"""Ring 4: torch lives here and nowhere else (extra "teach")."""
