"""What may be wrong with server, queues and workers: facts are read first, then judged without any I/O."""
