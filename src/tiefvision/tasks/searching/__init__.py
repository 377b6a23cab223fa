"""From a query to its hits, and why they are similar."""
