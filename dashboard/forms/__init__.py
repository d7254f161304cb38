"""What people type, read strictly; one file per area."""
