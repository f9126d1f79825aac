"""What `taskq bench` measures, and the worker and producers it starts for that."""
