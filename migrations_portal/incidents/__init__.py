"""Incidents: severity by the spec's table, who is called, what is done by when."""
