-- What pages of the CRM do (autocommit, old write orders, stale objects saved whole), and what becomes of it.
-- Triggers that mend are for writers other than the service: it says paidan.writer = 'service' in its transactions and
-- pays only for a WHEN. Rules for everybody are constraints, unique indexes, or triggers whose WHEN is seldom true.

CREATE FUNCTION paidan.refuse(what text, hint text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', what USING ERRCODE = 'PD001', HINT = coalesce(hint, '');
END $$;

-- crm_customer --------------------------------------------------------------------------------------------------------

-- For everybody: each update is a new version.
CREATE FUNCTION paidan.customer_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER a_version BEFORE UPDATE ON crm_customer FOR EACH ROW
    WHEN (NEW.version IS DISTINCT FROM OLD.version + 1) EXECUTE FUNCTION paidan.customer_version();

-- For everybody: the clock does not run backwards while the owner is the same.
CREATE FUNCTION paidan.customer_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.last_consult_date := OLD.last_consult_date;
    RETURN NEW;
END $$;
CREATE TRIGGER b_clock BEFORE UPDATE ON crm_customer FOR EACH ROW
    WHEN (NEW.last_consult_date < OLD.last_consult_date AND NEW.consultant_id = OLD.consultant_id)
    EXECUTE FUNCTION paidan.customer_clock();

CREATE FUNCTION paidan.customer_page_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.external_write_at := paidan.now();
    IF NEW.status = 2 AND NEW.consultant_id IS NOT NULL THEN
        NEW.recv_date := coalesce(NEW.recv_date, paidan.today());
        NEW.pool_since := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_page_insert BEFORE INSERT ON crm_customer FOR EACH ROW
    WHEN (current_setting('paidan.writer', true) IS DISTINCT FROM 'service')
    EXECUTE FUNCTION paidan.customer_page_insert();

CREATE FUNCTION paidan.customer_page_update() RETURNS trigger LANGUAGE plpgsql AS $$
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
        IF OLD.consultant_id IS DISTINCT FROM NEW.consultant_id AND paidan.is_barred(OLD.id, NEW.consultant_id) THEN
            PERFORM paidan.refuse(format('user %s had customer %s before and may not have it again',
                                         NEW.consultant_id, OLD.id), 'A manager may transfer it through paidan.');
        END IF;
        NEW.pool_since := NULL;
        IF NEW.recv_date IS NOT DISTINCT FROM OLD.recv_date THEN NEW.recv_date := today; END IF;
        NEW.recv_date := coalesce(NEW.recv_date, today);
        IF NEW.last_consult_date = OLD.last_consult_date THEN NEW.last_consult_date := today; END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_page_update BEFORE UPDATE ON crm_customer FOR EACH ROW
    WHEN (current_setting('paidan.writer', true) IS DISTINCT FROM 'service')
    EXECUTE FUNCTION paidan.customer_page_update();

-- The open distribution follows the customer.
CREATE FUNCTION paidan.customer_page_updated() RETURNS trigger LANGUAGE plpgsql
SET paidan.writer = 'service' AS $$
DECLARE
    today date := paidan.today();
    due date;
    late boolean := false;
BEGIN
    IF OLD.status = 2 AND OLD.consultant_id IS NOT NULL THEN
        due := paidan.expired_on(OLD.recv_date, OLD.last_consult_date, OLD.protected_until);
        IF due <= today THEN
            UPDATE crm_customerdistribution
            SET status = paidan.expiry_status(OLD.recv_date, OLD.last_consult_date), ended_on = due
            WHERE customer_id = OLD.id AND status = 1 AND user_id = OLD.consultant_id;
            late := NEW.status = 1 AND NEW.consultant_id = OLD.consultant_id;
        END IF;
    END IF;
    IF late THEN
        -- A deal reported after the last day: the expired row stays, the last owner gets a row for the deal.
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
        VALUES (OLD.consultant_id, OLD.id, today, 2, 'manual', today);
        INSERT INTO paidan.audit_log (action, entity, entity_id, after)
        VALUES ('customer.late_deal', 'crm_customer', OLD.id, jsonb_build_object('user_id', OLD.consultant_id));
    ELSIF NEW.status = 1 THEN
        UPDATE crm_customerdistribution SET status = 2, ended_on = today
        WHERE customer_id = OLD.id AND status = 1 AND NEW.consultant_id IS NOT DISTINCT FROM user_id;
    END IF;
    UPDATE crm_customerdistribution SET ended_on = today,
        status = CASE WHEN NEW.consultant_id IS NULL AND NEW.status = 2 THEN 6
                      WHEN NEW.consultant_id IS NULL THEN 2 ELSE 5 END
    WHERE customer_id = OLD.id AND status = 1 AND user_id IS DISTINCT FROM NEW.consultant_id;
    RETURN NULL;
END $$;
CREATE TRIGGER page_updated AFTER UPDATE ON crm_customer FOR EACH ROW
    WHEN (current_setting('paidan.writer', true) IS DISTINCT FROM 'service'
        AND (OLD.consultant_id, OLD.status) IS DISTINCT FROM (NEW.consultant_id, NEW.status))
    EXECUTE FUNCTION paidan.customer_page_updated();

-- crm_customerdistribution --------------------------------------------------------------------------------------------

-- For everybody: whose row it is never changes, and an ended row stays as it ended. A new memo is allowed.
CREATE FUNCTION paidan.distribution_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM paidan.refuse(format('distribution %s is fixed: only an open one changes its status, none its user or '
                                 'customer', OLD.id), 'Insert a new distribution.');
    RETURN NULL;
END $$;
CREATE TRIGGER a_fixed BEFORE UPDATE ON crm_customerdistribution FOR EACH ROW
    WHEN (OLD.user_id <> NEW.user_id OR OLD.customer_id <> NEW.customer_id OR OLD.id <> NEW.id OR OLD.status <> 1
        AND (OLD.status <> NEW.status OR OLD.ctime <> NEW.ctime OR OLD.ended_on <> NEW.ended_on
             OR NEW.ended_on IS NULL))
    EXECUTE FUNCTION paidan.distribution_fixed();

-- For everybody: an ended row has the day it ended, an expired one the day it expired.
CREATE FUNCTION paidan.distribution_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.ended_on := paidan.today();
    IF NEW.status IN (3, 4) THEN
        SELECT least(NEW.ended_on, greatest(NEW.ctime,
                     paidan.expired_on(c.recv_date, c.last_consult_date, c.protected_until))) INTO NEW.ended_on
        FROM crm_customer c WHERE c.id = NEW.customer_id AND c.consultant_id = NEW.user_id;
        NEW.ended_on := coalesce(NEW.ended_on, paidan.today());
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_ended BEFORE UPDATE ON crm_customerdistribution FOR EACH ROW
    WHEN (OLD.status = 1 AND NEW.status <> 1 AND NEW.ended_on IS NULL) EXECUTE FUNCTION paidan.distribution_ended();
CREATE TRIGGER b_ended_insert BEFORE INSERT ON crm_customerdistribution FOR EACH ROW
    WHEN (NEW.status <> 1 AND NEW.ended_on IS NULL) EXECUTE FUNCTION paidan.distribution_ended();

-- A page hands a customer out: first locks it and lets today's expiry happen, unless it is the consultant's own row.
CREATE FUNCTION paidan.distribution_page_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM crm_customer WHERE id = NEW.customer_id AND consultant_id = NEW.user_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM paidan.expire_customer(NEW.customer_id); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_page_insert BEFORE INSERT ON crm_customerdistribution FOR EACH ROW
    WHEN (NEW.status = 1 AND current_setting('paidan.writer', true) IS DISTINCT FROM 'service')
    EXECUTE FUNCTION paidan.distribution_page_insert();

-- Its customer is left to the page for a minute; then the reconciler looks.
CREATE FUNCTION paidan.distribution_page_written() RETURNS trigger LANGUAGE plpgsql
SET paidan.writer = 'service' AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.status = 1 THEN
        UPDATE crm_customer SET external_write_at = paidan.now(),
            recv_date = CASE WHEN consultant_id = NEW.user_id THEN coalesce(recv_date, NEW.ctime) ELSE recv_date END,
            last_consult_date = CASE WHEN consultant_id = NEW.user_id THEN greatest(last_consult_date, NEW.ctime)
                                     ELSE last_consult_date END
        WHERE id = NEW.customer_id;
    ELSE
        UPDATE crm_customer SET external_write_at = paidan.now() WHERE id = OLD.customer_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER page_inserted AFTER INSERT ON crm_customerdistribution FOR EACH ROW
    WHEN (NEW.status = 1 AND current_setting('paidan.writer', true) IS DISTINCT FROM 'service')
    EXECUTE FUNCTION paidan.distribution_page_written();
CREATE TRIGGER page_ended AFTER UPDATE ON crm_customerdistribution FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND current_setting('paidan.writer', true) IS DISTINCT FROM 'service')
    EXECUTE FUNCTION paidan.distribution_page_written();
CREATE TRIGGER page_deleted AFTER DELETE ON crm_customerdistribution FOR EACH ROW
    WHEN (OLD.status = 1 AND current_setting('paidan.writer', true) IS DISTINCT FROM 'service')
    EXECUTE FUNCTION paidan.distribution_page_written();

-- I5, for everybody, once a statement. The planner must not be tempted to read the whole table: the plan is kept.
CREATE FUNCTION paidan.distribution_barred() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    barred record;
BEGIN
    IF paidan.setting('former_owner', 'any_former') = 'last_owner' THEN
        SELECT a.user_id, a.customer_id INTO barred FROM added a
        WHERE a.status = 1 AND a.origin <> 'manual' AND paidan.is_barred(a.customer_id, a.user_id) LIMIT 1;
    ELSE
        SELECT a.user_id, a.customer_id INTO barred FROM added a
        JOIN crm_customerdistribution d
            ON d.customer_id = a.customer_id AND d.user_id = a.user_id AND d.status IN (3, 4, 6)
        WHERE a.status = 1 AND a.origin <> 'manual' LIMIT 1;
    END IF;
    IF FOUND THEN
        PERFORM paidan.refuse(format('user %s had customer %s before and may not have it again',
                                     barred.user_id, barred.customer_id), 'A manager may transfer it through paidan.');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER barred AFTER INSERT ON crm_customerdistribution REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.distribution_barred();

-- crm_consultrecord ---------------------------------------------------------------------------------------------------

-- For everybody: a note by the owner moves the clock to today, after today's expiry. The note is kept in any case.
CREATE FUNCTION paidan.note_written() RETURNS trigger LANGUAGE plpgsql
SET paidan.writer = 'service' AS $$
BEGIN
    PERFORM FROM crm_customer
    WHERE id = NEW.customer_id AND pool_state = 'private' AND consultant_id = NEW.consultant_id FOR NO KEY UPDATE;
    IF FOUND AND NOT paidan.expire_customer(NEW.customer_id) AND paidan.is_visible(NEW.note) THEN
        UPDATE crm_customer SET last_consult_date = paidan.today()
        WHERE id = NEW.customer_id AND last_consult_date < paidan.today();
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_written AFTER INSERT ON crm_consultrecord FOR EACH ROW EXECUTE FUNCTION paidan.note_written();
