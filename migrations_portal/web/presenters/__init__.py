"""Rows of the domain as plain values and words for the templates, so that a template never queries."""
