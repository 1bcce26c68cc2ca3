-- The lists: what serves the combined search and the pool. Imports and assignments pay for each index on crm_customer,
-- so each names its reader; the index of parts of words is on a table of its own, which no assignment touches.

-- What a search looks into, folded as the import folds labels: width (NFKC) and case.
CREATE FUNCTION paidan.folded(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN words IS NFKC NORMALIZED THEN lower(words) ELSE lower(normalize(words, NFKC)) END
$$;
CREATE FUNCTION paidan.search_text(name text, qq text, company text, school text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT paidan.folded(name || E'\n' || qq || E'\n' || coalesce(company, '') || E'\n' || coalesce(school, ''))
$$;

-- Parts of a text as numbers: each character but digits, each pair of neighbours, but of digits each three. All parts
-- of a part of the text are among those of the text. Two parts may have one number: whoever asks looks at the text too.
CREATE FUNCTION paidan.grams(words text) RETURNS int[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    letter text;
    code int;
    before int := 0;
    before_that int := 0;
    found int[] := '{}';
BEGIN
    FOREACH letter IN ARRAY string_to_array(words, NULL) LOOP
        code := ascii(letter);
        IF code BETWEEN 48 AND 57 THEN
            IF before NOT BETWEEN 48 AND 57 THEN
                IF before >= 32 THEN found := found || (before << 16 | code); END IF;
            ELSIF before_that BETWEEN 48 AND 57 THEN
                found := found || (before_that << 16 | before << 8 | code);
            END IF;
        ELSIF code >= 32 THEN
            found := found || code;
            IF before >= 32 THEN found := found || (before << 16 | code); END IF;
        END IF;
        before_that := before;
        before := code;
    END LOOP;
    RETURN found;
END $$;
-- Of a text that is looked for: single characters are left out if there is a longer part.
CREATE FUNCTION paidan.wanted_grams(words text) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN count(*) FILTER (WHERE NOT g BETWEEN 0 AND 1114111) > 0
                THEN array_agg(DISTINCT g) FILTER (WHERE NOT g BETWEEN 0 AND 1114111)
                ELSE coalesce(array_agg(DISTINCT g), '{}') END
    FROM unnest(paidan.grams(words)) g
$$;

-- Parts of name, QQ, company and school, beside source (-1001 …) and education (-2001 …).
CREATE TABLE paidan.customer_search (
    customer_id int PRIMARY KEY,
    grams int[] NOT NULL
);
ALTER TABLE paidan.customer_search ALTER COLUMN grams SET STATISTICS 400;
CREATE FUNCTION paidan.search_grams(c crm_customer) RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT paidan.grams(paidan.search_text(c.name, c.qq, c.company, c.graduation_school))
        || (-1000 - c.source)::int || coalesce(-2000 - c.education, 0)
$$;
INSERT INTO paidan.customer_search SELECT c.id, paidan.search_grams(c) FROM crm_customer c ORDER BY c.id;
CREATE INDEX customer_search_grams ON paidan.customer_search USING gin (grams);

-- After the long fill: from here on nobody else reads or writes customers until the end.
-- Order of the search by name; by last follow-up, of each state, since they go together.
CREATE INDEX crm_customer_name ON crm_customer (name COLLATE "C", id);
CREATE INDEX crm_customer_consulted ON crm_customer (pool_state, last_consult_date, id);
-- A seller's own, newest first; and the foreign key. Those of today, few among all that he ever enrolled.
DROP INDEX crm_customer_consultant;
CREATE INDEX crm_customer_consultant ON crm_customer (consultant_id, id) WHERE consultant_id IS NOT NULL;
CREATE INDEX crm_customer_own ON crm_customer (consultant_id, id) WHERE pool_state = 'private';
-- Sweep, forecast, and whatever is in order of expiry: the few pairs of dates, each with its customers by id.
DROP INDEX crm_customer_due;
CREATE INDEX crm_customer_due ON crm_customer (recv_date, last_consult_date, id) WHERE pool_state = 'private';
-- Whose expiry is not that of his pair of dates.
CREATE INDEX crm_customer_protected ON crm_customer (protected_until)
    WHERE pool_state = 'private' AND protected_until IS NOT NULL;

-- Who may not have a customer again, both of them known; and from whom somebody is barred, by him.
DROP INDEX crm_customerdistribution_former;
CREATE INDEX crm_customerdistribution_former ON crm_customerdistribution (user_id, customer_id)
    WHERE status IN (3, 4, 6);

-- Customers whose parts are not in that table yet, from id to id: their rows are looked at one by one. A statement that
-- stores customers writes one row here, and paidan.search_catch_up works it off when the import has gone by.
CREATE TABLE paidan.search_due (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_id int NOT NULL,
    last_id int NOT NULL CHECK (last_id >= first_id)
);
CREATE FUNCTION paidan.search_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.search_due (first_id, last_id) SELECT min(id), max(id) FROM added HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER search_added AFTER INSERT ON crm_customer REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.search_changed();
CREATE FUNCTION paidan.search_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paidan.search_due (first_id, last_id) VALUES (NEW.id, NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER search_edited AFTER UPDATE ON crm_customer FOR EACH ROW
    WHEN ((OLD.name, OLD.qq, OLD.company, OLD.graduation_school, OLD.source, OLD.education)
        IS DISTINCT FROM (NEW.name, NEW.qq, NEW.company, NEW.graduation_school, NEW.source, NEW.education))
    EXECUTE FUNCTION paidan.search_edited();
CREATE FUNCTION paidan.search_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM paidan.customer_search s USING gone WHERE s.customer_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER search_removed AFTER DELETE ON crm_customer REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION paidan.search_removed();

-- Takes the oldest stretches, up to about `at_most` customers, into the table. One at a time: of two, the one that read a
-- row before its edit could write after the other. Returns how many customers it took; NULL if there is no stretch, or
-- somebody else is at it.
CREATE FUNCTION paidan.search_catch_up(at_most int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    stretch record;
    upto int;
    taken bigint;
    total bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7004) THEN RETURN NULL; END IF;
    WHILE coalesce(total, 0) < at_most LOOP
        SELECT * INTO stretch FROM paidan.search_due ORDER BY id LIMIT 1 FOR UPDATE;
        EXIT WHEN NOT FOUND;
        SELECT max(id) INTO upto FROM (
            SELECT id FROM crm_customer WHERE id BETWEEN stretch.first_id AND stretch.last_id
            ORDER BY id LIMIT at_most) c;
        -- The lock is against one who deletes the customer now.
        INSERT INTO paidan.customer_search
        SELECT c.id, paidan.search_grams(c) FROM crm_customer c WHERE c.id BETWEEN stretch.first_id AND upto
        ORDER BY c.id FOR KEY SHARE
        ON CONFLICT (customer_id) DO UPDATE SET grams = excluded.grams WHERE customer_search.grams <> excluded.grams;
        GET DIAGNOSTICS taken = ROW_COUNT;
        total := coalesce(total, 0) + greatest(taken, 1);
        IF upto IS NULL OR upto = stretch.last_id THEN
            DELETE FROM paidan.search_due WHERE id = stretch.id;
        ELSE
            UPDATE paidan.search_due SET first_id = upto + 1 WHERE id = stretch.id;
        END IF;
    END LOOP;
    RETURN total;
END $$;

-- The latest day from which `days` days, counted as paidan.last_day does, are over before `as_of`.
CREATE FUNCTION paidan.latest_start(as_of date, days int) RETURNS date LANGUAGE plpgsql STABLE AS $$
DECLARE
    day date := as_of - days - 1;
BEGIN
    WHILE paidan.last_day(day, days) >= as_of LOOP day := day - 1; END LOOP;
    RETURN day;
END $$;

-- The pairs of dates that private customers have, by stepping through their index.
CREATE FUNCTION paidan.due_pairs() RETURNS TABLE (recv_date date, last_consult_date date) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE pair AS (
        (SELECT c.recv_date, c.last_consult_date FROM crm_customer c WHERE c.pool_state = 'private'
         ORDER BY c.recv_date, c.last_consult_date LIMIT 1)
        UNION ALL
        SELECT next.* FROM pair CROSS JOIN LATERAL (
            SELECT c.recv_date, c.last_consult_date FROM crm_customer c
            WHERE c.pool_state = 'private'
              AND (c.recv_date, c.last_consult_date) > (pair.recv_date, pair.last_consult_date)
            ORDER BY c.recv_date, c.last_consult_date LIMIT 1) next
    )
    SELECT * FROM pair
$$;

DO $$
DECLARE
    trusted text;
BEGIN
    FOREACH trusted IN ARRAY ARRAY['search_changed()', 'search_edited()', 'search_removed()'] LOOP
        EXECUTE format('ALTER FUNCTION paidan.%s SECURITY DEFINER SET search_path = %I, pg_temp',
                       trusted, current_schema());
    END LOOP;
END $$;
