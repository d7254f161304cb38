"""What the Makefile and CI call. Standard library only: it runs before anything is installed."""
