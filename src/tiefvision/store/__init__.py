"""Ring 3: state on disk."""
