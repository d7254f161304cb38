"""What pages read: each function asks set-wise, by project, and returns values that templates only print."""
