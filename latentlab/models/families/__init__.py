"""Model families: each a subclass of the base model with an objective of its own."""
