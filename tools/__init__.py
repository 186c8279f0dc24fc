"""Programs for those who work on the checkout; no part of the package."""
