enum JobsPlaceholder {}
