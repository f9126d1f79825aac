"""The command line of taskq. It sees of the engine only what `taskq_core` exports."""
