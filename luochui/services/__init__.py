"""Start, supervise and stop the embedded PostgreSQL and Valkey, and the processes of Luochui."""
