"""What goes in and comes out, one file per idea. Sizes are bytes, times RFC 3339, digests whole."""
