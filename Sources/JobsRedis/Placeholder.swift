enum JobsRedisPlaceholder {}
