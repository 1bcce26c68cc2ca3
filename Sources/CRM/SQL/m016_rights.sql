-- The CRM's pages may connect as a role of their own, with rights on the CRM's tables only: what triggers do for them in
-- the schema paidan is done with the rights of the migrating role, on tables of the schema that is current now.

GRANT USAGE ON SCHEMA paidan TO PUBLIC;
DO $$
DECLARE
    trusted text;
BEGIN
    FOREACH trusted IN ARRAY ARRAY['customer_page_insert()', 'customer_page_update()', 'customer_page_updated()',
        'distribution_ended()', 'distribution_page_insert()', 'distribution_page_written()', 'distribution_barred()',
        'note_written()', 'seller_left()', 'rank_changed()', 'access_changed()', 'owner_mode_changed()',
        'setting(text, text)'] LOOP
        EXECUTE format('ALTER FUNCTION paidan.%s SECURITY DEFINER SET search_path = %I, pg_temp',
                       trusted, current_schema());
    END LOOP;
END $$;
ALTER TABLE paidan.audit_log ALTER COLUMN actor
    SET DEFAULT coalesce(nullif(current_setting('paidan.actor', true), ''), 'database:' || session_user);
