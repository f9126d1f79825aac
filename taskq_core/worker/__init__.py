"""The worker: claims, runs and ends jobs, one service per file."""
