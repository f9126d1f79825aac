"""What the views of `taskq top` are made of. They render what they are given and know no server."""
