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
-- What pages of the CRM let expire, found by day.
CREATE INDEX crm_customerdistribution_expired ON crm_customerdistribution (ended_on) WHERE status IN (3, 4);
-- Of what expired before this service sweeps, nobody is told.
INSERT INTO paidan.reminder (distribution_id, kind, due_on)
SELECT id, 'expired', ended_on FROM crm_customerdistribution
WHERE status IN (3, 4) AND ended_on >= paidan.today() - 30 ON CONFLICT DO NOTHING;

-- As before, with an audit row and a mark for the sweep to tell of it.
CREATE OR REPLACE FUNCTION paidan.expire_customer(customer bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    c record;
    due date;
    reason int;
    ended bigint;
    writer text;
BEGIN
    SELECT id, consultant_id, recv_date, last_consult_date, protected_until INTO c FROM crm_customer
    WHERE id = customer AND pool_state = 'private' FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    due := paidan.expired_on(c.recv_date, c.last_consult_date, c.protected_until);
    IF due > paidan.today() THEN RETURN false; END IF;
    reason := paidan.expiry_status(c.recv_date, c.last_consult_date);
    writer := paidan.write_as_service();
    UPDATE crm_customerdistribution SET status = reason, ended_on = due
    WHERE customer_id = customer AND status = 1 RETURNING id INTO ended;
    UPDATE crm_customer SET consultant_id = NULL, pool_since = due WHERE id = customer;
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    VALUES ('customer.expired', CASE WHEN ended IS NULL THEN 'crm_customer' ELSE 'crm_customerdistribution' END,
            coalesce(ended, customer), '{"status": 1}', jsonb_build_object(
                'status', reason, 'ended_on', due, 'customer_id', customer, 'user_id', c.consultant_id));
    IF ended IS NOT NULL THEN
        INSERT INTO paidan.reminder (distribution_id, kind, due_on, is_told) VALUES (ended, 'expired', due, false)
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM paidan.writer_was(writer);
    RETURN true;
END $$;
