"""From folders of photographs to acknowledged cells, and to the spaces that queries look in."""
