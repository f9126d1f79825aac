"""Why a job waits, or a queue stands still: facts are read first, then judged without any I/O."""
