-- Changes that somebody must hear of: sellers who leave, shares, access.

-- A seller who is switched off or leaves department 1001 hands everything back.
CREATE FUNCTION paidan.seller_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.outbox (kind, args, queue, key)
    VALUES ('seller.offboard', json_build_object('user_id', NEW.id), NULL, 'seller.offboard:' || NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER seller_left AFTER UPDATE OF is_active, depart_id ON crm_userinfo FOR EACH ROW
    WHEN (OLD.is_active AND OLD.depart_id = 1001 AND NOT (NEW.is_active AND NEW.depart_id = 1001)
        OR OLD.is_active AND NOT NEW.is_active)
    EXECUTE FUNCTION paidan.seller_left();

-- Shares count from the next cycle on; a share of 0 takes the seller's free slots away at once. The advisory lock of
-- assignment comes first, before any row of this table is locked.
CREATE FUNCTION paidan.rank_changing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7001);
    RETURN NULL;
END $$;
CREATE TRIGGER rank_changing BEFORE INSERT OR UPDATE OR DELETE ON crm_salerank
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.rank_changing();

CREATE FUNCTION paidan.rank_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE paidan.setting SET value = (value::bigint + 1)::text WHERE name = 'rank_version';
    UPDATE paidan.assign_slot s SET state = 'void', reason = 'num', at = paidan.now()
    WHERE s.state = 'free' AND NOT EXISTS (SELECT FROM crm_salerank r WHERE r.user_id = s.user_id AND r.num > 0);
    UPDATE paidan.assign_cycle c SET closed_at = paidan.now()
    WHERE c.closed_at IS NULL
      AND NOT EXISTS (SELECT FROM paidan.assign_slot s WHERE s.cycle_no = c.cycle_no AND s.state = 'free');
    RETURN NULL;
END $$;
CREATE TRIGGER rank_changed AFTER INSERT OR UPDATE OR DELETE ON crm_salerank
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.rank_changed();

-- Access: whoever changes it, caches see a new version, at once.
CREATE FUNCTION paidan.access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE paidan.access_version SET version = version + 1;
    PERFORM pg_notify('paidan_access', '');
    RETURN NULL;
END $$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rbac_menu', 'rbac_group', 'rbac_permission', 'rbac_user', 'rbac_role',
                                'rbac_user_roles', 'rbac_role_permissions'] LOOP
        EXECUTE format('CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION paidan.access_changed()', name);
    END LOOP;
END $$;
-- last_used_at is no change of access.
CREATE TRIGGER access_changed
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF user_id, sha256, expires_at, revoked_at ON paidan.api_token
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.access_changed();
CREATE TRIGGER access_changed
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF auth_id, depart_id, is_active ON crm_userinfo
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.access_changed();
