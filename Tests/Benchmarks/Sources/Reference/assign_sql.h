// The statements of the product's assignment, as it sends them.
#pragma once

static const struct {
    const char *name, *text;
} assign_statements[] = {
    {"begin", "BEGIN"},
    {"commit", "COMMIT"},
    {"author", "SELECT set_config('paidan.actor', 'job:customer.assign', true), "
               "set_config('paidan.writer', 'service', true)"},
    {"receipts", "INSERT INTO paidan.job_receipt (job_id, kind) "
                 "SELECT id, kind FROM unnest($1::text[], $2::text[]) AS job (id, kind) ORDER BY id "
                 "ON CONFLICT (job_id) DO NOTHING RETURNING job_id"},
    {"lock", "SELECT pg_advisory_xact_lock(7001::bigint)"},
    {"ground",
     "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, "
     "paidan.now() + (clock_timestamp() - pg_catalog.now()), "
     "(SELECT cycle_no FROM paidan.assign_cycle WHERE closed_at IS NULL), "
     "coalesce((SELECT max(cycle_no) FROM paidan.assign_cycle), 0), paidan.setting('rank_version', '1')::bigint"},
    {"plan_anew", "SELECT set_config('enable_seqscan', 'off', true), "
                  "set_config('plan_cache_mode', 'force_custom_plan', true)"},
    {"pending", "SELECT id FROM crm_customer WHERE id = ANY($1::int[]) AND pool_state || '' = 'pending' "
                "ORDER BY id FOR NO KEY UPDATE"},
    {"history",
     "WITH had AS MATERIALIZED (SELECT id, customer_id, user_id, status, ended_on FROM crm_customerdistribution "
     "WHERE customer_id = ANY($1::int[])) "
     "SELECT customer_id, user_id, true FROM had WHERE status = 1 "
     "UNION ALL SELECT DISTINCT customer_id, user_id, false FROM had "
     "WHERE status IN (3, 4, 6) AND (SELECT paidan.setting('former_owner', 'any_former')) <> 'last_owner' "
     "UNION ALL SELECT last.customer_id, last.user_id, false FROM (SELECT DISTINCT ON (customer_id) * FROM had "
     "WHERE status <> 1 AND (SELECT paidan.setting('former_owner', 'any_former')) = 'last_owner' "
     "ORDER BY customer_id, id DESC) last, "
     "(SELECT paidan.setting('cooldown_days', '0')::int AS days, paidan.today() AS today OFFSET 0) cooldown "
     "WHERE last.status IN (3, 4, 6) AND (cooldown.days = 0 OR cooldown.today < last.ended_on + cooldown.days)"},
    {"keep_plans", "SELECT set_config('plan_cache_mode', 'auto', true)"},
    {"lock_sellers", "SELECT u.id FROM crm_userinfo u WHERE u.id IN (SELECT user_id FROM crm_salerank WHERE num > 0) "
                     "ORDER BY u.id FOR NO KEY UPDATE"},
    {"full_sellers",
     "SELECT l.user_id FROM paidan.rank_limit l WHERE l.holding_cap <= ("
     "SELECT count(*) FROM (SELECT FROM crm_customerdistribution d "
     "WHERE d.user_id = l.user_id AND d.status = 1 LIMIT l.holding_cap) held)"},
    {"sellers",
     "SELECT r.user_id, r.num, r.weight, u.is_active AND u.depart_id = 1001, "
     "EXISTS (SELECT FROM paidan.absence a WHERE a.user_id = r.user_id AND day.today BETWEEN a.from_on AND a.to_on), "
     "l.daily_cap, CASE WHEN l.daily_cap IS NULL THEN 0 ELSE "
     "(SELECT count(*) FROM (SELECT FROM crm_customerdistribution d "
     "WHERE d.user_id = r.user_id AND d.status IN (1, 2, 3, 4, 5, 6, 7, 8) AND d.ctime = day.today "
     "AND d.origin IN ('auto', 'grab') LIMIT l.daily_cap) taken) END, "
     "l.holding_cap, CASE WHEN l.holding_cap IS NULL THEN 0 ELSE "
     "(SELECT count(*) FROM (SELECT FROM crm_customerdistribution d "
     "WHERE d.user_id = r.user_id AND d.status = 1 LIMIT l.holding_cap) held) END "
     "FROM (SELECT paidan.today() AS today OFFSET 0) day CROSS JOIN crm_salerank r "
     "JOIN crm_userinfo u ON u.id = r.user_id LEFT JOIN paidan.rank_limit l ON l.user_id = r.user_id "
     "ORDER BY r.user_id"},
    {"free_slots",
     "SELECT pos, user_id, false FROM paidan.assign_slot "
     "WHERE cycle_no = $1::bigint AND state = 'free' AND pos = ANY($2::int[]) "
     "UNION ALL (SELECT pos, user_id, true FROM paidan.assign_slot "
     "WHERE cycle_no = $1::bigint AND state = 'free' AND at IS NOT NULL ORDER BY pos)"},
    {"more_slots", "SELECT pos, user_id FROM paidan.assign_slot "
                   "WHERE cycle_no = $1::bigint AND state = 'free' AND pos > $2::int ORDER BY pos LIMIT $3::int"},
    {"customers", "UPDATE crm_customer c SET consultant_id = given.user_id, recv_date = (SELECT paidan.today()), "
                  "last_consult_date = (SELECT paidan.today()), version = c.version + 1 "
                  "FROM unnest($1::int[], $2::int[]) given (customer_id, user_id) "
                  "WHERE c.id = given.customer_id AND c.pool_state || '' = 'pending'"},
    {"distributions", "INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin) "
                      "SELECT given.user_id, given.customer_id, (SELECT paidan.today()), 1, 'auto' "
                      "FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY given (customer_id, user_id, place) "
                      "ORDER BY given.place RETURNING id, customer_id"},
    {"use",
     "UPDATE paidan.assign_slot s SET state = 'used', customer_id = taken.customer_id, "
     "distribution_id = taken.distribution_id, at = $5::timestamptz "
     "FROM unnest($2::int[], $3::bigint[], $4::bigint[]) taken (pos, customer_id, distribution_id) "
     "WHERE s.cycle_no = $1::bigint AND s.pos = taken.pos AND s.state = 'free'"},
    {"close", "UPDATE paidan.assign_cycle c SET closed_at = $1::timestamptz "
              "WHERE c.closed_at IS NULL AND NOT EXISTS ("
              "SELECT FROM paidan.assign_slot s WHERE s.cycle_no = c.cycle_no AND s.state = 'free')"},
    {"cycle",
     "INSERT INTO paidan.assign_cycle (cycle_no, strategy, rank_version, built_at, closed_at) "
     "SELECT built.cycle_no, 'laps', $3::bigint, $4::timestamptz, CASE WHEN built.closed THEN $4::timestamptz END "
     "FROM unnest($1::bigint[], $2::boolean[]) built (cycle_no, closed)"},
    {"quota", "INSERT INTO paidan.assign_quota (cycle_no, user_id, num, weight) "
              "SELECT built.cycle_no, share.user_id, share.num, share.weight "
              "FROM unnest($1::bigint[]) built (cycle_no), "
              "unnest($2::bigint[], $3::int[], $4::int[]) share (user_id, num, weight)"},
    {"slots",
     "INSERT INTO paidan.assign_slot (cycle_no, pos, user_id, state, reason, customer_id, distribution_id, at) "
     "SELECT slot.cycle_no, slot.pos, slot.user_id, "
     "CASE WHEN slot.reason IS NOT NULL THEN 'void' WHEN slot.distribution_id IS NOT NULL THEN 'used' "
     "ELSE 'free' END, slot.reason, slot.customer_id, slot.distribution_id, "
     "CASE WHEN slot.reason IS NOT NULL OR slot.distribution_id IS NOT NULL THEN $7::timestamptz END "
     "FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) "
     "slot (cycle_no, pos, user_id, reason, customer_id, distribution_id)"},
    {"events",
     "INSERT INTO paidan.event (type, subject, dedupe_key, payload) "
     "WITH given AS MATERIALIZED ("
     "SELECT d.id, d.customer_id, d.user_id, c.name, right(c.qq, 4) AS qq, c.recv_date, c.last_consult_date "
     "FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id WHERE d.id = ANY($1::int[])), "
     "last AS (SELECT recv_date, last_consult_date, paidan.expired_on(recv_date, last_consult_date, NULL) - 1 AS day "
     "FROM (SELECT DISTINCT recv_date, last_consult_date FROM given) starts) "
     "SELECT 'assigned', 'customer:' || customer_id, 'assigned:customer:' || id, "
     "jsonb_build_object('user_id', user_id, 'count', 1, 'first_expiry', last.day, 'customers', "
     "jsonb_build_array(jsonb_build_object('id', customer_id, 'name', name, 'qq_last4', qq))) "
     "FROM given LEFT JOIN last USING (recv_date, last_consult_date) ORDER BY id "
     "ON CONFLICT (dedupe_key) DO NOTHING RETURNING id, type"},
    {"deliveries",
     "INSERT INTO paidan.delivery (event_id, channel, recipient_key, expires_at) "
     "SELECT e.id, t.channel, r.key, paidan.now() + interval '24 hours' "
     "FROM unnest($1::bigint[], $2::text[]) t (event_id, channel) JOIN paidan.event e ON e.id = t.event_id "
     "CROSS JOIN LATERAL (SELECT 'user:' || (e.payload ->> 'user_id') WHERE e.payload ->> 'user_id' IS NOT NULL) "
     "r (key) ON CONFLICT DO NOTHING RETURNING id"},
    {"outbox",
     "INSERT INTO paidan.outbox (kind, args, queue, key, run_at, max_attempts, traceparent) "
     "SELECT kind, args::json, queue, key, now() + delay::float8 * interval '1 second', attempts, trace "
     "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[]) "
     "WITH ORDINALITY AS job (kind, args, queue, key, delay, attempts, trace, place) "
     "ORDER BY place RETURNING id::text"},
};
