"""What `taskq demo` shows: an application, load for it, and live counts."""
