-- What the job engine keeps in PostgreSQL.

-- One row a finished job, committed with its effect: whoever inserts it first did the work.
CREATE TABLE paidan.job_receipt (
    job_id text PRIMARY KEY,
    kind text NOT NULL,
    outcome text NOT NULL DEFAULT 'done' CHECK (outcome IN ('done', 'cancelled')),
    at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
-- Pruning by age: rows lie in the order of their time, so a block range index costs next to nothing.
CREATE INDEX job_receipt_at ON paidan.job_receipt USING brin (at) WITH (pages_per_range = 32);

-- Jobs born in a transaction. id becomes the job's id, so a second relay of the same row is a no-op.
CREATE TABLE paidan.outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    args json NOT NULL DEFAULT '{}',            -- json, not jsonb: the text is kept as it came
    queue text,                                 -- null: the kind's own
    key text,
    run_at timestamptz,
    max_attempts int,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    claimed_until timestamptz,                  -- a relay is taking it to the queue
    sent_at timestamptz
);
CREATE INDEX outbox_waiting ON paidan.outbox (seq) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON paidan.outbox (sent_at) WHERE sent_at IS NOT NULL;

CREATE FUNCTION paidan.outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('paidan_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON paidan.outbox FOR EACH STATEMENT EXECUTE FUNCTION paidan.outbox_notify();

CREATE TABLE paidan.schedule_run (
    name text,
    fire_at timestamptz,
    job_id text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (name, fire_at)
);
