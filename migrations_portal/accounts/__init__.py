"""How people prove who they are: the second factor, its recovery codes, and what takes it away."""
