-- Where each schedule began, so that a new or an edited one has missed nothing.
CREATE TABLE paidan.schedule (
    name text PRIMARY KEY,
    cron text NOT NULL,
    timezone text NOT NULL,
    counts_from timestamptz NOT NULL            -- due times up to here are done with, fired or not
);
