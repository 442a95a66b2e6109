"""Rows of the domains as plain values for the serializers. Asks queries, decides nothing."""
