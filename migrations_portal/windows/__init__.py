"""When a target may be changed (windows) and when it may not (freezes)."""
