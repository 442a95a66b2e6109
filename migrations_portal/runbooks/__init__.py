"""The spec's procedures, one file each. They take tools, call services, and own no tables."""
