"""Rehearsals: a plan's files up, down and up again on a restored copy, and the verdict that signers rely on."""
