-- The rules that triggers, pages and the service share, as functions.

-- Last day that still counts, `days` after `start`: calendar days, or work days with the setting clock = workday
-- (a day that the calendar does not name is one from Monday to Friday).
CREATE FUNCTION paidan.last_day(start date, days int) RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF start IS NULL OR paidan.setting('clock', 'natural') <> 'workday' THEN
        RETURN start + days;
    END IF;
    RETURN (
        SELECT d::date FROM generate_series(start + 1, start + 3 * days + 60, interval '1 day') d
        LEFT JOIN paidan.work_calendar c ON c.day = d::date
        WHERE coalesce(c.is_workday, extract(isodow FROM d) < 6)
        ORDER BY d OFFSET days - 1 LIMIT 1);
END $$;

-- First day on which a private customer is nobody's any more.
CREATE FUNCTION paidan.expired_on(recv_date date, last_consult_date date, protected_until date)
RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(
        least(paidan.last_day(last_consult_date, paidan.setting('follow_up_days', '3')::int),
              paidan.last_day(recv_date, paidan.setting('deal_days', '15')::int)) + 1,
        protected_until + 1);
END $$;

-- Status of a distribution that expires: the earlier deadline wins, a tie is 4.
CREATE FUNCTION paidan.expiry_status(recv_date date, last_consult_date date) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN paidan.last_day(recv_date, paidan.setting('deal_days', '15')::int)
                     <= paidan.last_day(last_consult_date, paidan.setting('follow_up_days', '3')::int)
                THEN 4 ELSE 3 END;
END $$;

-- May this person not have this customer (again)? I5, by the mode in force.
CREATE FUNCTION paidan.is_barred(customer bigint, person bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    newest record;
    cooldown int;
BEGIN
    IF paidan.setting('former_owner', 'any_former') <> 'last_owner' THEN
        RETURN EXISTS (SELECT FROM crm_customerdistribution
                       WHERE customer_id = customer AND user_id = person AND status IN (3, 4, 6));
    END IF;
    SELECT user_id, status, ended_on INTO newest FROM crm_customerdistribution
    WHERE customer_id = customer AND status <> 1 ORDER BY id DESC LIMIT 1;
    IF newest.user_id IS DISTINCT FROM person OR newest.status NOT IN (3, 4, 6) THEN
        RETURN false;
    END IF;
    cooldown := paidan.setting('cooldown_days', '0')::int;
    RETURN cooldown = 0 OR paidan.today() < newest.ended_on + cooldown;
END $$;

-- Ends the ownership of a customer that is overdue today; true if it was. Locks the customer.
-- Runs as the service, so that the triggers for pages leave alone what it writes.
CREATE FUNCTION paidan.expire_customer(customer bigint) RETURNS boolean LANGUAGE plpgsql
SET paidan.writer = 'service' AS $$
DECLARE
    c record;
    due date;
BEGIN
    SELECT id, recv_date, last_consult_date, protected_until INTO c FROM crm_customer
    WHERE id = customer AND pool_state = 'private' FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    due := paidan.expired_on(c.recv_date, c.last_consult_date, c.protected_until);
    IF due > paidan.today() THEN RETURN false; END IF;
    UPDATE crm_customerdistribution SET status = paidan.expiry_status(c.recv_date, c.last_consult_date), ended_on = due
    WHERE customer_id = customer AND status = 1;
    UPDATE crm_customer SET consultant_id = NULL, pool_since = due WHERE id = customer;
    RETURN true;
END $$;

-- Has the text a visible character? Spaces of all widths, joiners and controls are not.
CREATE FUNCTION paidan.is_visible(words text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(words, E' \t\n\r\f\u000b\u00a0\u00ad\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008'
        '\u2009\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff', '') <> ''
$$;

-- Mends customers whose distributions do not say what the customer's row says, in the order of "adopting old data"
-- (spec of the database); each mend is an audit row. For the migration: all customers; for the reconciler: the ones
-- that another program wrote and left, by id. Returns how many rows were mended.
CREATE FUNCTION paidan.mend_customers(customers bigint[] DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql
SET paidan.writer = 'service' AS $$
DECLARE
    last_audit bigint := coalesce((SELECT max(id) FROM paidan.audit_log), 0);
BEGIN
    IF customers IS NOT NULL THEN
        PERFORM FROM crm_customer WHERE id = ANY (customers) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    -- Ended rows without a date.
    WITH bad AS (
        SELECT id, status, ctime FROM crm_customerdistribution
        WHERE status <> 1 AND ended_on IS NULL AND (customers IS NULL OR customer_id = ANY (customers))
    ), mended AS (
        UPDATE crm_customerdistribution d SET ended_on = bad.ctime FROM bad WHERE d.id = bad.id
    )
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    SELECT 'mend.ended_on', 'crm_customerdistribution', id, '{"ended_on": null}', jsonb_build_object('ended_on', ctime)
    FROM bad ORDER BY id;

    -- Open rows that may not stay open: of somebody else, older ones, of one who has lost the customer since, of an
    -- enrolled customer. In that order, so that a consultant's own row outlives a newer one of somebody else.
    WITH open AS (
        SELECT d.id, d.ctime, c.status = 1 AS enrolled,
            d.user_id IS DISTINCT FROM c.consultant_id AND (c.status <> 1 OR c.consultant_id IS NOT NULL) AS foreign_row,
            row_number() OVER (PARTITION BY d.customer_id ORDER BY (d.user_id = c.consultant_id) DESC NULLS LAST,
                               d.ctime DESC, d.id DESC) AS place,
            c.status <> 1 AND EXISTS (
                SELECT FROM crm_customerdistribution l WHERE l.customer_id = d.customer_id AND l.user_id = d.user_id
                AND l.status IN (3, 4, 6) AND (l.ctime, l.id) > (d.ctime, d.id)) AS lost
        FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
        WHERE d.status = 1 AND (customers IS NULL OR d.customer_id = ANY (customers))
    ), bad AS (
        SELECT id, ctime, CASE WHEN foreign_row OR place > 1 OR lost THEN 5 ELSE 2 END AS status FROM open
        WHERE foreign_row OR place > 1 OR lost OR enrolled
    ), mended AS (
        UPDATE crm_customerdistribution d SET status = bad.status,
            ended_on = CASE WHEN customers IS NULL THEN bad.ctime ELSE greatest(bad.ctime, paidan.today()) END
        FROM bad WHERE d.id = bad.id RETURNING d.id, d.status, d.ended_on
    )
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    SELECT CASE status WHEN 5 THEN 'mend.moved_out' ELSE 'mend.deal' END, 'crm_customerdistribution', id,
        '{"status": 1}', jsonb_build_object('status', status, 'ended_on', ended_on)
    FROM mended ORDER BY id;

    -- A customer with a consultant and no date of receipt.
    WITH bad AS (
        SELECT c.id, coalesce((SELECT d.ctime FROM crm_customerdistribution d WHERE d.customer_id = c.id
            ORDER BY (d.user_id = c.consultant_id) DESC, (d.status = 1) DESC, d.ctime DESC, d.id DESC LIMIT 1),
            c.date) AS recv_date
        FROM crm_customer c
        WHERE c.recv_date IS NULL AND c.consultant_id IS NOT NULL AND (customers IS NULL OR c.id = ANY (customers))
    ), mended AS (
        UPDATE crm_customer c SET recv_date = bad.recv_date FROM bad WHERE c.id = bad.id
    )
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    SELECT 'mend.recv_date', 'crm_customer', id, '{"recv_date": null}', jsonb_build_object('recv_date', recv_date)
    FROM bad ORDER BY id;

    -- Not enrolled, and the consultant's newest distribution has ended by expiry or release (or, since adoption, he
    -- may not have it again): public.
    WITH bad AS (
        SELECT c.id, c.consultant_id, newest.ended_on FROM crm_customer c
        CROSS JOIN LATERAL (
            SELECT d.status, d.ended_on FROM crm_customerdistribution d
            WHERE d.customer_id = c.id AND d.user_id = c.consultant_id
            ORDER BY (d.status = 1) DESC, d.ctime DESC, d.id DESC LIMIT 1) newest
        WHERE c.status <> 1 AND c.consultant_id IS NOT NULL AND (customers IS NULL OR c.id = ANY (customers))
          AND (newest.status IN (3, 4, 6)
               OR customers IS NOT NULL AND newest.status <> 1 AND paidan.is_barred(c.id, c.consultant_id))
    ), mended AS (
        UPDATE crm_customer c SET consultant_id = NULL, pool_since = bad.ended_on FROM bad WHERE c.id = bad.id
    )
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    SELECT 'mend.public', 'crm_customer', id, jsonb_build_object('consultant_id', consultant_id),
        jsonb_build_object('consultant_id', NULL, 'pool_since', ended_on)
    FROM bad ORDER BY id;

    -- Not enrolled, with a consultant who has no open distribution for it.
    WITH bad AS (
        SELECT c.id, c.consultant_id, least(c.recv_date, c.last_consult_date) AS ctime FROM crm_customer c
        WHERE c.status <> 1 AND c.consultant_id IS NOT NULL AND (customers IS NULL OR c.id = ANY (customers))
          AND NOT EXISTS (SELECT FROM crm_customerdistribution d WHERE d.customer_id = c.id AND d.status = 1)
    ), made AS (
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin)
        SELECT consultant_id, id, ctime, 1, 'crm' FROM bad ORDER BY id RETURNING id, user_id, customer_id, ctime
    )
    INSERT INTO paidan.audit_log (action, entity, entity_id, after)
    SELECT 'mend.distribution', 'crm_customerdistribution', id,
        jsonb_build_object('customer_id', customer_id, 'user_id', user_id, 'ctime', ctime, 'status', 1)
    FROM made ORDER BY id;

    -- Nobody was asked about a customer before he had it.
    WITH bad AS (
        SELECT c.id, c.last_consult_date, d.ctime FROM crm_customer c
        JOIN crm_customerdistribution d ON d.customer_id = c.id AND d.status = 1
        WHERE c.last_consult_date < d.ctime AND (customers IS NULL OR c.id = ANY (customers))
    ), mended AS (
        UPDATE crm_customer c SET last_consult_date = bad.ctime FROM bad WHERE c.id = bad.id
    )
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    SELECT 'mend.last_consult', 'crm_customer', id, jsonb_build_object('last_consult_date', last_consult_date),
        jsonb_build_object('last_consult_date', ctime)
    FROM bad ORDER BY id;

    RETURN (SELECT count(*) FROM paidan.audit_log WHERE id > last_audit AND action LIKE 'mend.%');
END $$;

-- The reconciler's: mends customers that another program wrote more than a minute ago and left in a state of which its
-- distributions know nothing. Returns how many rows were mended.
CREATE FUNCTION paidan.mend_written(since timestamptz DEFAULT '-infinity', at_most int DEFAULT 1000)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    left_behind bigint[];
BEGIN
    SELECT array_agg(c.id) INTO left_behind FROM (
        SELECT id FROM crm_customer
        WHERE external_write_at >= since AND external_write_at < paidan.now() - interval '60 seconds'
          AND (pool_state = 'private') IS DISTINCT FROM (consultant_id = (
              SELECT d.user_id FROM crm_customerdistribution d
              WHERE d.customer_id = crm_customer.id AND d.status = 1))
          AND (pool_state = 'private' OR EXISTS (
              SELECT FROM crm_customerdistribution d WHERE d.customer_id = crm_customer.id AND d.status = 1))
        ORDER BY id LIMIT at_most) c;
    RETURN CASE WHEN left_behind IS NULL THEN 0 ELSE paidan.mend_customers(left_behind) END;
END $$;
