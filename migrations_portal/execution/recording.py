"""From what the socket door saw to the script that a file really is."""
