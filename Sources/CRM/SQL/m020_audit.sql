-- Who changed what, whoever it was: what other programs write to the tables of people, customers and rights is kept in
-- paidan.audit_log as it was and as it is. The service writes rows of its own, in the words of what it did.

-- What pages and persons at psql write. Arguments: columns that tell nothing; columns whose values nobody may read;
-- 'customer' for tables whose rows belong to one, so that his story is found in one place, then the thing's name.
CREATE FUNCTION paidan.audit_foreign() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_row jsonb;
    new_row jsonb;
    was jsonb;
    is_now jsonb;
    hidden jsonb;
    thing text := CASE TG_TABLE_SCHEMA WHEN 'paidan' THEN 'paidan.' ELSE '' END || TG_TABLE_NAME;
    done text := lower(TG_OP);
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO paidan.audit_log (action, entity) VALUES ('database.truncate', thing);
        RETURN NULL;
    END IF;
    SELECT jsonb_object_agg(name, '(hidden)') INTO hidden FROM unnest(TG_ARGV[1]::text[]) name;
    IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD) - TG_ARGV[0]::text[]; END IF;
    IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW) - TG_ARGV[0]::text[]; END IF;
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(key, coalesce(hidden -> key, o.value)),
            jsonb_object_agg(key, coalesce(hidden -> key, n.value))
        INTO was, is_now FROM jsonb_each(old_row) o JOIN jsonb_each(new_row) n USING (key)
        WHERE o.value IS DISTINCT FROM n.value;
        IF was IS NULL THEN RETURN NULL; END IF;
    ELSE
        was := jsonb_strip_nulls(old_row - TG_ARGV[1]::text[]);
        is_now := jsonb_strip_nulls(new_row - TG_ARGV[1]::text[]);
    END IF;
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    SELECT coalesce(TG_ARGV[3], 'database') || '.' || done,
        CASE WHEN TG_ARGV[2] = 'customer' THEN 'crm_customer' ELSE thing END,
        CASE WHEN TG_ARGV[2] = 'customer' THEN coalesce(new_row, old_row) ->> 'customer_id'
             ELSE coalesce(old_row ->> 'id', new_row ->> 'id', old_row ->> 'name', new_row ->> 'name',
                           new_row ->> 'user_id', old_row ->> 'user_id') END,
        was, is_now;
    RETURN NULL;
END $$;

-- The WHEN is all that a row of the service's costs. (Names begin with z: the rules come first.)
DO $$
DECLARE
    watched record;
BEGIN
    FOR watched IN SELECT * FROM (VALUES
        ('crm_customer', 'INSERT OR UPDATE OR DELETE', '{version,external_write_at,pool_state}', '{}', '', NULL),
        ('crm_customerdistribution', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        ('crm_salerank', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        ('crm_userinfo', 'INSERT OR UPDATE OR DELETE', '{}', '{password}', '', NULL),
        ('rbac_user', 'INSERT OR UPDATE OR DELETE', '{}', '{password}', '', NULL),
        ('rbac_role', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        ('rbac_permission', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        ('rbac_user_roles', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        ('rbac_role_permissions', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        ('paidan.rank_limit', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        ('paidan.absence', 'INSERT OR UPDATE OR DELETE', '{}', '{}', '', NULL),
        -- The use of a token is no change of it.
        ('paidan.api_token', 'INSERT OR DELETE OR UPDATE OF user_id, sha256, expires_at, revoked_at', '{last_used_at}',
            '{sha256}', '', NULL),
        -- A new note, payment or student is its own record; what is edited or taken away leaves none.
        ('crm_consultrecord', 'UPDATE OR DELETE', '{}', '{}', 'customer', 'note'),
        ('crm_paymentrecord', 'UPDATE OR DELETE', '{}', '{}', 'customer', 'payment'),
        ('crm_student', 'UPDATE OR DELETE', '{}', '{password}', 'customer', 'student'),
        ('crm_customer_course', 'INSERT OR UPDATE OR DELETE', '{}', '{}', 'customer', 'course')
    ) AS watched (name, events, dull, secret, owner, word) LOOP
        EXECUTE format(
            'CREATE TRIGGER z_audit AFTER %s ON %s FOR EACH ROW '
            'WHEN (current_setting(''paidan.writer'', true) IS DISTINCT FROM ''service'') '
            'EXECUTE FUNCTION paidan.audit_foreign(%L, %L, %L%s)',
            watched.events, watched.name::regclass, watched.dull, watched.secret, watched.owner,
            coalesce(', ' || quote_literal(watched.word), ''));
        EXECUTE format(
            'CREATE TRIGGER z_audit_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT '
            'EXECUTE FUNCTION paidan.audit_foreign()', watched.name::regclass);
    END LOOP;
END $$;
-- Settings by name: counters and the clock of tests are none.
CREATE TRIGGER z_audit AFTER INSERT OR UPDATE ON paidan.setting FOR EACH ROW
    WHEN (current_setting('paidan.writer', true) IS DISTINCT FROM 'service'
        AND NEW.name NOT IN ('rank_version', 'no_capacity_since', 'clock_offset'))
    EXECUTE FUNCTION paidan.audit_foreign('{}', '{}', '');
CREATE TRIGGER z_audit_delete AFTER DELETE ON paidan.setting FOR EACH ROW
    WHEN (current_setting('paidan.writer', true) IS DISTINCT FROM 'service'
        AND OLD.name NOT IN ('rank_version', 'no_capacity_since', 'clock_offset'))
    EXECUTE FUNCTION paidan.audit_foreign('{}', '{}', '');

-- Ends the ownership of a customer that is overdue today; true if it was. Locks the customer. The audit row names who
-- came upon it; the day it ended is the day it was due.
CREATE OR REPLACE FUNCTION paidan.expire_customer(customer bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    c record;
    due date;
    reason int;
    writer text;
BEGIN
    SELECT id, consultant_id, recv_date, last_consult_date, protected_until INTO c FROM crm_customer
    WHERE id = customer AND pool_state = 'private' FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    due := paidan.expired_on(c.recv_date, c.last_consult_date, c.protected_until);
    IF due > paidan.today() THEN RETURN false; END IF;
    reason := paidan.expiry_status(c.recv_date, c.last_consult_date);
    writer := paidan.write_as_service();
    UPDATE crm_customerdistribution SET status = reason, ended_on = due WHERE customer_id = customer AND status = 1;
    IF NOT FOUND THEN
        -- A page gave it to him and wrote no distribution: he has lost it all the same.
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
        VALUES (c.consultant_id, customer, due, reason, 'crm', due);
    END IF;
    UPDATE crm_customer SET consultant_id = NULL, pool_since = due WHERE id = customer;
    INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
    VALUES ('customer.expire', 'crm_customer', customer,
            jsonb_build_object('consultant_id', c.consultant_id, 'pool_since', NULL),
            jsonb_build_object('consultant_id', NULL, 'pool_since', due, 'status', reason, 'ended_on', due));
    PERFORM paidan.writer_was(writer);
    RETURN true;
END $$;

-- A seller who is switched off or leaves department 1001 hands everything back: what he has now, should he be back
-- before the job has run.
CREATE OR REPLACE FUNCTION paidan.seller_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.outbox (kind, args, queue, key)
    VALUES ('seller.offboard',
            json_build_object('user_id', NEW.id,
                'left_after', (SELECT coalesce(max(id), 0) FROM crm_customerdistribution)),
            NULL, 'seller.offboard:' || NEW.id);
    RETURN NULL;
END $$;

DO $$
DECLARE
    trusted text;
BEGIN
    FOREACH trusted IN ARRAY ARRAY['audit_foreign()', 'seller_left()'] LOOP
        EXECUTE format('ALTER FUNCTION paidan.%s SECURITY DEFINER SET search_path = %I, pg_temp',
                       trusted, current_schema());
    END LOOP;
END $$;

-- A customer's story tells of what was archived too.
CREATE INDEX distribution_archive_customer ON paidan.distribution_archive (customer_id);

-- What an undo left behind, and why: for the import's page.
ALTER TABLE paidan.import_batch ADD COLUMN undo_removed int, ADD COLUMN undo_kept int;
ALTER TABLE paidan.import_row ADD COLUMN kept_why text;
