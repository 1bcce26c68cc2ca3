-- What writing with Django itself showed: refusals that Django knows, stale objects, deleted customers; and caps as they
-- were when a customer was given away (I14).

-- Class 23, integrity constraint violation: what Django raises is an IntegrityError, as for a unique index.
CREATE OR REPLACE FUNCTION paidan.refuse(what text, hint text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', what USING ERRCODE = '23PD1', HINT = coalesce(hint, '');
END $$;

CREATE OR REPLACE FUNCTION paidan.customer_page_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date := paidan.today();
    due date;
    newest record;
BEGIN
    NEW.external_write_at := paidan.now();
    IF OLD.status = 1 AND NEW.status = 2 AND NOT EXISTS (
        SELECT FROM crm_customerdistribution WHERE customer_id = OLD.id AND status = 1
    ) THEN
        PERFORM paidan.refuse(format('customer %s is enrolled and nobody follows it: status cannot go back to 2', OLD.id),
                              'Reopen it through paidan, or insert its distribution first.');
    END IF;
    IF NEW.status <> 2 THEN
        NEW.pool_since := NULL;
        RETURN NEW;
    END IF;
    IF NEW.consultant_id IS NOT NULL AND OLD.consultant_id IS DISTINCT FROM NEW.consultant_id
        AND paidan.is_barred(OLD.id, NEW.consultant_id)
    THEN
        PERFORM paidan.refuse(format('user %s had customer %s before and may not have it again',
                                     NEW.consultant_id, OLD.id), 'A manager may transfer it through paidan.');
    END IF;
    -- Saved whole, from an object read before the customer changed hands: it carries the date of an ownership that has
    -- ended. Nobody meant that: whose it is now, and since when, stays; the rest is stored.
    IF OLD.status = 2 AND OLD.consultant_id IS NOT NULL AND NEW.recv_date < OLD.recv_date AND EXISTS (
        SELECT FROM crm_customerdistribution WHERE customer_id = OLD.id AND status <> 1 AND ctime = NEW.recv_date
        AND (NEW.consultant_id IS NULL OR user_id = NEW.consultant_id)
    ) THEN
        NEW.consultant_id := OLD.consultant_id;
        NEW.recv_date := OLD.recv_date;
        NEW.last_consult_date := OLD.last_consult_date;
    END IF;
    -- As if midnight: what is overdue today was lost before this write.
    IF OLD.status = 2 AND OLD.consultant_id IS NOT NULL THEN
        due := paidan.expired_on(OLD.recv_date, OLD.last_consult_date, OLD.protected_until);
        IF due > today THEN due := NULL; END IF;
    END IF;
    IF OLD.status = 2 AND NEW.consultant_id IS NOT DISTINCT FROM OLD.consultant_id THEN
        -- Later dates would bring back what is lost; other edits leave it to the sweep.
        IF due IS NOT NULL AND (NEW.recv_date > OLD.recv_date OR NEW.last_consult_date > OLD.last_consult_date) THEN
            NEW.consultant_id := NULL;
            NEW.pool_since := due;
            NEW.recv_date := OLD.recv_date;
            NEW.last_consult_date := OLD.last_consult_date;
        ELSIF NEW.consultant_id IS NOT NULL THEN
            NEW.recv_date := coalesce(NEW.recv_date, today);
            NEW.pool_since := NULL;
        END IF;
    ELSIF NEW.consultant_id IS NULL THEN
        IF due IS NOT NULL THEN
            NEW.pool_since := due;
        ELSIF NEW.pool_since IS NULL THEN
            SELECT status, ended_on INTO newest FROM crm_customerdistribution WHERE customer_id = OLD.id
            ORDER BY (status = 1) DESC, id DESC LIMIT 1;
            NEW.pool_since := CASE WHEN newest.status IN (3, 4, 6) THEN newest.ended_on
                                   WHEN newest.status <> 8 THEN today END;
        END IF;
    ELSE
        -- A new owner, or the old one of a customer that is not enrolled any more: new clocks.
        NEW.pool_since := NULL;
        IF NEW.recv_date IS NOT DISTINCT FROM OLD.recv_date THEN NEW.recv_date := today; END IF;
        NEW.recv_date := coalesce(NEW.recv_date, today);
        IF NEW.last_consult_date = OLD.last_consult_date THEN NEW.last_consult_date := today; END IF;
    END IF;
    RETURN NEW;
END $$;

-- A page hands a customer out: first locks it, whoever has it, as all do who change one (the distribution first and the
-- customer after would be a deadlock with an assignment), and lets today's expiry happen, unless it is the consultant's
-- own row. No day that is still to come: it would be a follow-up in advance.
CREATE OR REPLACE FUNCTION paidan.distribution_page_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner bigint;
BEGIN
    NEW.ctime := least(NEW.ctime, paidan.today());
    SELECT consultant_id INTO owner FROM crm_customer WHERE id = NEW.customer_id FOR NO KEY UPDATE;
    IF owner IS DISTINCT FROM NEW.user_id THEN PERFORM paidan.expire_customer(NEW.customer_id); END IF;
    RETURN NEW;
END $$;

-- For everybody: an open distribution is not made later than its owner's last follow-up (I9).
CREATE FUNCTION paidan.distribution_made_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM crm_customer WHERE id = NEW.customer_id AND last_consult_date < NEW.ctime) THEN
        PERFORM paidan.refuse(format('distribution %s was made on %s and its customer followed up before %s', NEW.id,
                                     OLD.ctime, NEW.ctime), 'Leave ctime as it is.');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_made_later BEFORE UPDATE ON crm_customerdistribution FOR EACH ROW
    WHEN (NEW.status = 1 AND NEW.ctime > OLD.ctime) EXECUTE FUNCTION paidan.distribution_made_later();

-- An enrolled customer with an open distribution of somebody else than its consultant was overlooked.
CREATE OR REPLACE FUNCTION paidan.mend_written(since timestamptz DEFAULT '-infinity', at_most int DEFAULT 1000)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    left_behind bigint[];
BEGIN
    SELECT array_agg(id) INTO left_behind FROM (
        SELECT c.id FROM crm_customer c
        LEFT JOIN crm_customerdistribution d ON d.customer_id = c.id AND d.status = 1
        WHERE c.external_write_at >= since AND c.external_write_at < paidan.now() - interval '60 seconds'
          AND CASE WHEN c.pool_state = 'private' THEN d.user_id IS DISTINCT FROM c.consultant_id
                   ELSE d.user_id IS NOT NULL END
        ORDER BY c.id LIMIT at_most) written;
    RETURN CASE WHEN left_behind IS NULL THEN 0 ELSE paidan.mend_customers(left_behind) END;
END $$;

-- Deleted by a page, with its customer or without: what it was stays, so that slots and shares still add up.
CREATE FUNCTION paidan.distribution_page_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.distribution_archive (id, user_id, customer_id, ctime, status, origin, ended_on, import_id, why)
    VALUES (OLD.id, OLD.user_id, OLD.customer_id, OLD.ctime, OLD.status, OLD.origin, OLD.ended_on,
            (SELECT import_id FROM crm_customer WHERE id = OLD.customer_id), 'forgotten')
    ON CONFLICT (id) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER page_deleted_any AFTER DELETE ON crm_customerdistribution FOR EACH ROW
    WHEN (current_setting('paidan.writer', true) IS DISTINCT FROM 'service')
    EXECUTE FUNCTION paidan.distribution_page_deleted();

-- Customers of the import that a page has deleted since: I10 counts them.
ALTER TABLE paidan.import_batch ADD COLUMN rows_forgotten int NOT NULL DEFAULT 0;
CREATE FUNCTION paidan.customer_page_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('paidan.writer', true) IS DISTINCT FROM 'service' THEN
        UPDATE paidan.import_batch b SET rows_forgotten = rows_forgotten + deleted.customers
        FROM (SELECT import_id, count(*) AS customers FROM gone WHERE import_id IS NOT NULL GROUP BY import_id) deleted
        WHERE b.id = deleted.import_id;
    END IF;
    RETURN NULL;
END $$;
-- Once a statement: a row that is counted up many times in one transaction is slow.
CREATE TRIGGER page_deleted AFTER DELETE ON crm_customer REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.customer_page_deleted();

-- Which caps were in force when a distribution was made. Whoever gives a customer to a seller by his caps locks the
-- seller, and so does a change of his caps: a distribution up to the number that stands here was judged by older ones.
CREATE TABLE paidan.cap_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    after_distribution_id bigint NOT NULL,
    daily_cap int,
    holding_cap int,
    at timestamptz NOT NULL DEFAULT paidan.now()
);
CREATE INDEX cap_history_user ON paidan.cap_history (user_id, id);
CREATE FUNCTION paidan.last_distribution() RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('crm_customerdistribution', 'id')::regclass), 0)
$$;
CREATE FUNCTION paidan.cap_changing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM crm_userinfo WHERE id = coalesce(NEW.user_id, OLD.user_id) FOR NO KEY UPDATE;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER cap_changing BEFORE INSERT OR UPDATE OR DELETE ON paidan.rank_limit
    FOR EACH ROW EXECUTE FUNCTION paidan.cap_changing();
CREATE FUNCTION paidan.cap_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.cap_history (user_id, after_distribution_id, daily_cap, holding_cap)
    VALUES (coalesce(NEW.user_id, OLD.user_id), paidan.last_distribution(), NEW.daily_cap, NEW.holding_cap);
    RETURN NULL;
END $$;
CREATE TRIGGER cap_changed AFTER INSERT OR UPDATE OR DELETE ON paidan.rank_limit
    FOR EACH ROW EXECUTE FUNCTION paidan.cap_changed();
INSERT INTO paidan.cap_history (user_id, after_distribution_id, daily_cap, holding_cap)
SELECT user_id, paidan.last_distribution(), daily_cap, holding_cap FROM paidan.rank_limit;

-- CREATE OR REPLACE has taken it off; and the new ones that write for pages (a person whom a page deletes had caps).
DO $$
DECLARE
    trusted text;
BEGIN
    FOREACH trusted IN ARRAY ARRAY['customer_page_update()', 'distribution_page_insert()',
        'distribution_page_deleted()', 'customer_page_deleted()', 'cap_changing()', 'cap_changed()'] LOOP
        EXECUTE format('ALTER FUNCTION paidan.%s SECURITY DEFINER SET search_path = %I, pg_temp',
                       trusted, current_schema());
    END LOOP;
END $$;
