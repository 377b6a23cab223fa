"""What is similar: judgements that people make, and rankers that learn from them."""
