"""The databases that plans change, in groups, with the people to tell."""
