-- Adopts the rows of an older CRM: mends what breaks a rule, says so in the audit log, then puts the rules in force.

-- Rows loaded with ids of their own leave the sequence behind.
DO $$
DECLARE
    t record;
    highest bigint;
BEGIN
    FOR t IN
        SELECT c.oid::regclass AS name, pg_get_serial_sequence(c.oid::regclass::text, 'id') AS sequence
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'
        WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND c.relname ~ '^(rbac|crm|survey|booking)_'
    LOOP
        EXECUTE format('SELECT max(id) FROM %s', t.name) INTO highest;
        IF t.sequence IS NOT NULL AND highest IS NOT NULL THEN
            EXECUTE format('SELECT setval(%L, greatest(%s, last_value + CASE WHEN is_called THEN 0 ELSE -1 END)) FROM %s',
                           t.sequence, highest, t.sequence);
        END IF;
    END LOOP;
END $$;

-- One rank a seller: the newest row stays.
WITH gone AS (
    DELETE FROM crm_salerank r USING crm_salerank newer
    WHERE newer.user_id = r.user_id AND newer.id > r.id RETURNING r.id, r.user_id, r.num, r.weight
)
INSERT INTO paidan.audit_log (action, entity, entity_id, before)
SELECT DISTINCT 'mend.rank_doubled', 'crm_salerank', id::text,
    jsonb_build_object('user_id', user_id, 'num', num, 'weight', weight)
FROM gone;
WITH bad AS (
    SELECT id, num FROM crm_salerank WHERE num < 0
), mended AS (
    UPDATE crm_salerank r SET num = 0 FROM bad WHERE r.id = bad.id
)
INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
SELECT 'mend.rank_negative', 'crm_salerank', id, jsonb_build_object('num', num), '{"num": 0}' FROM bad ORDER BY id;

-- Codes that no choice list knows: not enrolled; moved out.
WITH bad AS (
    SELECT id, status FROM crm_customer WHERE status NOT IN (1, 2)
), mended AS (
    UPDATE crm_customer c SET status = 2 FROM bad WHERE c.id = bad.id
)
INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
SELECT 'mend.status', 'crm_customer', id, jsonb_build_object('status', status), '{"status": 2}' FROM bad ORDER BY id;
WITH bad AS (
    SELECT id, status FROM crm_customerdistribution WHERE status NOT BETWEEN 1 AND 8
), mended AS (
    UPDATE crm_customerdistribution d SET status = 5 FROM bad WHERE d.id = bad.id
)
INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
SELECT 'mend.status', 'crm_customerdistribution', id, jsonb_build_object('status', status), '{"status": 5}'
FROM bad ORDER BY id;

SELECT paidan.mend_customers();

-- One answer a question and student, one booking a slot: the newest answer and the first booking stay.
WITH gone AS (
    DELETE FROM survey_answer a USING survey_answer newer
    WHERE newer.stu_id = a.stu_id AND newer.question_id = a.question_id AND newer.id > a.id
    RETURNING a.id, a.stu_id, a.question_id, a.option_id, a.val, a.content
)
INSERT INTO paidan.audit_log (action, entity, entity_id, before)
SELECT DISTINCT ON (id) 'mend.answer_doubled', 'survey_answer', id::text, to_jsonb(gone) FROM gone ORDER BY id;
WITH gone AS (
    DELETE FROM booking_booking b USING booking_booking first
    WHERE first.booking_date = b.booking_date AND first.booking_time = b.booking_time AND first.room_id = b.room_id
      AND first.id < b.id
    RETURNING b.id, b.user_id, b.room_id, b.booking_date, b.booking_time
)
INSERT INTO paidan.audit_log (action, entity, entity_id, before)
SELECT DISTINCT ON (id) 'mend.booking_doubled', 'booking_booking', id::text, to_jsonb(gone) FROM gone ORDER BY id;

-- Deferred foreign key checks of the rows just written must have run before the tables change.
SET CONSTRAINTS ALL IMMEDIATE;

SELECT paidan.ensure_unique('crm_salerank', '{user_id}'), paidan.ensure_unique('survey_answer', '{stu_id,question_id}'),
    paidan.ensure_unique('booking_booking', '{booking_date,booking_time,room_id}');
ALTER TABLE crm_salerank ADD CONSTRAINT crm_salerank_num_check CHECK (num >= 0);
ALTER TABLE crm_customerdistribution
    ADD CONSTRAINT crm_customerdistribution_status_check CHECK (status BETWEEN 1 AND 8),
    ADD CONSTRAINT crm_customerdistribution_ended_on_check CHECK ((status = 1) = (ended_on IS NULL));   -- I12
ALTER TABLE crm_customer
    ADD CONSTRAINT crm_customer_status_check CHECK (status IN (1, 2)),
    ADD CONSTRAINT crm_customer_private_check
        CHECK (status = 1 OR consultant_id IS NULL OR (recv_date IS NOT NULL AND pool_since IS NULL));
ALTER TABLE booking_booking
    ADD CONSTRAINT booking_booking_time_check CHECK (booking_time BETWEEN 1 AND 13) NOT VALID;
CREATE UNIQUE INDEX crm_customerdistribution_open ON crm_customerdistribution (customer_id) WHERE status = 1;   -- I1

-- I5 counts from here on, by the mode in force when a distribution was made.
CREATE TABLE paidan.owner_mode (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    after_distribution_id bigint NOT NULL,
    mode text NOT NULL,
    cooldown_days int NOT NULL,
    at timestamptz NOT NULL DEFAULT paidan.now()
);
CREATE FUNCTION paidan.owner_mode_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.owner_mode (after_distribution_id, mode, cooldown_days)
    SELECT coalesce((SELECT max(id) FROM crm_customerdistribution), 0), now_in_force.mode, now_in_force.days
    FROM (SELECT paidan.setting('former_owner', 'any_former') AS mode,
                 paidan.setting('cooldown_days', '0')::int AS days) now_in_force
    WHERE (mode, days) IS DISTINCT FROM (SELECT (o.mode, o.cooldown_days) FROM paidan.owner_mode o
                                         ORDER BY o.id DESC LIMIT 1);
    RETURN NULL;
END $$;
CREATE TRIGGER owner_mode AFTER INSERT OR UPDATE ON paidan.setting FOR EACH ROW
    WHEN (NEW.name IN ('former_owner', 'cooldown_days')) EXECUTE FUNCTION paidan.owner_mode_changed();
INSERT INTO paidan.owner_mode (after_distribution_id, mode, cooldown_days)
SELECT coalesce(max(id), 0), 'any_former', 0 FROM crm_customerdistribution;
