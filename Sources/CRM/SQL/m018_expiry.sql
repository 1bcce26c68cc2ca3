-- The sweep, its record, and what sellers were told of.

-- The first start from which `days` days last until `until`: what began before has lost them on that day. The reverse of
-- paidan.last_day. (NULL, were there no such day, would leave rows out: then calendar days, which leave none out.)
CREATE FUNCTION paidan.first_start(until date, days int) RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF paidan.setting('clock', 'natural') <> 'workday' THEN
        RETURN until - days;
    END IF;
    RETURN coalesce((
        SELECT until - n FROM generate_series(1, 3 * days + 60) n
        LEFT JOIN paidan.work_calendar c ON c.day = until - n
        WHERE coalesce(c.is_workday, extract(isodow FROM until - n) < 6)
        ORDER BY n OFFSET days - 1 LIMIT 1), until - days);
END $$;

-- What one sweep has done so far: a job that is run again after a crash goes on, and answers with all of it.
CREATE TABLE paidan.sweep_job (
    job_id text PRIMARY KEY,
    as_of date NOT NULL,
    expired_3 int NOT NULL DEFAULT 0,
    expired_4 int NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT paidan.now()
);

-- Distributions that have expired, and of which their seller is still to be told, by the next sweep's end.
ALTER TABLE paidan.reminder ADD COLUMN is_told boolean NOT NULL DEFAULT true;
CREATE INDEX reminder_untold ON paidan.reminder (distribution_id) WHERE NOT is_told;

-- Whoever let it expire: a write path, a page. The sweep notes its own, many at a time, and says so.
CREATE FUNCTION paidan.distribution_expired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.reminder (distribution_id, kind, due_on, is_told)
    VALUES (NEW.id, 'expired', NEW.ended_on, false) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER expired AFTER UPDATE ON crm_customerdistribution FOR EACH ROW
    WHEN (OLD.status = 1 AND NEW.status IN (3, 4) AND current_setting('paidan.sweep', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION paidan.distribution_expired();
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION paidan.distribution_expired() SECURITY DEFINER SET search_path = %I, pg_temp',
                   current_schema());
END $$;
