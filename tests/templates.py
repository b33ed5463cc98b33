"""The configurations of the overview, as written there."""

HIGH_PERFORMANCE = {
    "execution": {"parallelism": 16, "buffer.timeout": 50, "object.reuse": True},
    "state": {"backend": "rocksdb", "checkpoint.interval": "30s", "incremental": True},
    "resources": {"taskmanager.memory.process.size": "4gb", "taskmanager.cpu.cores": "4"},
}
FAULT_TOLERANCE = {
    "restart.strategy": "exponential-delay",
    "restart.attempts": 10,
    "restart.delay": "10s",
    "restart.max_delay": "5m",
    "checkpointing": "exactly_once",
    "checkpoint.timeout": "5m",
}
