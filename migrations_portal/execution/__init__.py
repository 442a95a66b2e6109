"""Runs: one execution of an approved plan on a target, step by step, claimed once and fenced."""
