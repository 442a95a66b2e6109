"""What each kind of statement locks, reads and rewrites, and what it leaves in the catalogue."""
