"""Sample contexts: the plain values that each page template takes, in the states that matter.

They are the executable form of the comments at the top of the templates.
"""
