"""Words that every domain of the portal speaks. Pure Python: no Django, no I/O."""
