"""Views by domain."""
