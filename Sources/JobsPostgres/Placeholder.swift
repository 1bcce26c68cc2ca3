enum JobsPostgresPlaceholder {}
