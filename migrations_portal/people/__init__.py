"""Who uses the portal, which roles there are, and who may do what."""
