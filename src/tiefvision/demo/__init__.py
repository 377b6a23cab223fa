"""Ring 2: product photographs that the demo and the tests draw for themselves, with exact boxes."""
