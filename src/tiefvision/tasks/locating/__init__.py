"""Where the product is: boxes that people draw, and locators that learn from them."""
