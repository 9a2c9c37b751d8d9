"""Train variational autoencoders and explore what they learned."""

__version__ = "0.1.0"
