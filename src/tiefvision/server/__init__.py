"""The HTTP API and the site. What it needs comes with the extra `serve`."""
