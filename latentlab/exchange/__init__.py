"""Taking models elsewhere and bringing them here: packages, pages, cards (torch, no Qt)."""
