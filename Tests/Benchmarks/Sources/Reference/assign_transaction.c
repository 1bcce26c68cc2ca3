// The transaction: what does not depend on an earlier answer goes out in one trip.
#include "assign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign_sql.h"
#include "postgres.h"
#include "program.h"

typedef struct {
    long user, num, weight;
} seller;

static struct {
    char moment[64];
    bool has_cycle;
    long cycle, last_cycle;
    seller sellers[most_sellers];
    int seller_count;
} ground;

static buffer arrays[8];

void assign_prepare(PGconn *session) {
    for (size_t i = 0; i < sizeof assign_statements / sizeof *assign_statements; i++)
        postgres_prepare(session, assign_statements[i].name, assign_statements[i].text);
    if (!PQenterPipelineMode(session)) fail("pipeline mode: %s", PQerrorMessage(session));
}

static void send(PGconn *session, const char *name) { postgres_send(session, name, 0, NULL); }

static void skip(PGconn *session, int count) {
    while (count--) PQclear(postgres_result(session));
}

static const char *customers_of(buffer *b, const task *tasks, int count) {
    array_begin(b);
    for (int i = 0; i < count; i++) array_number(b, tasks[i].customer);
    return array_end(b);
}

static int by_job(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void send_receipts(PGconn *session, const task *tasks, int count) {
    const char *ids[most_tasks];
    for (int i = 0; i < count; i++) ids[i] = tasks[i].job;
    qsort(ids, count, sizeof *ids, by_job);
    array_begin(&arrays[0]);
    array_begin(&arrays[1]);
    for (int i = 0; i < count; i++) {
        array_text(&arrays[0], ids[i]);
        array_text(&arrays[1], "customer.assign");
    }
    postgres_send(session, "receipts", 2, (const char *[]){array_end(&arrays[0]), array_end(&arrays[1])});
}

static void read_ground(PGconn *session, cycle_load *load) {
    PGresult *row = postgres_result(session);
    snprintf(load->stamp, sizeof load->stamp, "%s", PQgetvalue(row, 0, 0));
    snprintf(ground.moment, sizeof ground.moment, "%s", PQgetvalue(row, 0, 1));
    ground.has_cycle = !PQgetisnull(row, 0, 2);
    ground.cycle = atol(PQgetvalue(row, 0, 2));
    ground.last_cycle = atol(PQgetvalue(row, 0, 3));
    load->rank_version = atol(PQgetvalue(row, 0, 4));
    PQclear(row);
}

static int by_weight(const void *a, const void *b) {
    const seller *x = a, *y = b;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    return (x->user > y->user) - (x->user < y->user);
}

static void read_sellers(PGconn *session) {
    PGresult *rows = postgres_result(session);
    ground.seller_count = PQntuples(rows);
    if (ground.seller_count > most_sellers) fail("too many sellers");
    for (int i = 0; i < ground.seller_count; i++) {
        seller *s = &ground.sellers[i];
        *s = (seller){atol(PQgetvalue(rows, i, 0)), atol(PQgetvalue(rows, i, 1)), atol(PQgetvalue(rows, i, 2))};
        bool can = *PQgetvalue(rows, i, 3) == 't' && *PQgetvalue(rows, i, 4) == 'f' && PQgetisnull(rows, i, 5) &&
                   PQgetisnull(rows, i, 7) && s->num > 0;
        if (!can) fail("the reference knows sellers without leave and caps only");
    }
    PQclear(rows);
    qsort(ground.sellers, ground.seller_count, sizeof *ground.sellers, by_weight);
}

// Free slots among the tokens, in their order. Returns their number.
static int read_slots(PGconn *session, const slot_token *tokens, int count, slot_token *slots) {
    PGresult *rows = postgres_result(session);
    int found = 0;
    for (int i = 0; i < count && ground.has_cycle; i++) {
        if (tokens[i].cycle != ground.cycle) continue;
        for (int r = 0; r < PQntuples(rows); r++) {
            if (atol(PQgetvalue(rows, r, 0)) != tokens[i].position) continue;
            slots[found++] = (slot_token){ground.cycle, tokens[i].position, atol(PQgetvalue(rows, r, 1))};
            break;
        }
    }
    PQclear(rows);
    return found;
}

// Receipts, locks and everything that the plan is made from.
static int look(PGconn *session, task *tasks, int count, const slot_token *tokens, int token_count, slot_token *slots,
                cycle_load *load) {
    char cycle[24];
    send(session, "begin");
    send(session, "author");
    send_receipts(session, tasks, count);
    send(session, "lock");
    send(session, "ground");
    const char *customers = customers_of(&arrays[2], tasks, count);
    send(session, "plan_anew");
    postgres_send(session, "pending", 1, &customers);
    postgres_send(session, "history", 1, &customers);
    send(session, "keep_plans");
    send(session, "lock_sellers");
    send(session, "full_sellers");
    send(session, "sellers");
    // Tokens say themselves which cycle is open; the answer is looked at only if it is.
    snprintf(cycle, sizeof cycle, "%ld", token_count ? tokens[0].cycle : 0);
    array_begin(&arrays[3]);
    for (int i = 0; i < token_count; i++) array_number(&arrays[3], tokens[i].position);
    postgres_send(session, "free_slots", 2, (const char *[]){cycle, array_end(&arrays[3])});
    postgres_sync(session);

    skip(session, 2);
    if (postgres_affected(session) != count) fail("a job had a receipt already");
    skip(session, 1);
    read_ground(session, load);
    skip(session, 1);
    if (postgres_affected(session) != count) fail("a customer is not pending");
    if (postgres_affected(session) != 0) fail("the reference knows new customers only");
    skip(session, 2);
    if (postgres_affected(session) != 0) fail("the reference knows no full sellers");
    read_sellers(session);
    int found = read_slots(session, tokens, token_count, slots);
    postgres_synced(session);
    return found;
}

// The list ran out: what is free in the open cycle beside the tokens, by position.
static int look_for_more(PGconn *session, slot_token *slots, int found, int wanted) {
    char cycle[24], limit[24];
    snprintf(cycle, sizeof cycle, "%ld", ground.cycle);
    snprintf(limit, sizeof limit, "%d", found + (wanted > 64 ? wanted : 64));
    postgres_send(session, "more_slots", 3, (const char *[]){cycle, "0", limit});
    postgres_sync(session);
    PGresult *rows = postgres_result(session);
    int known = found;
    for (int r = 0; r < PQntuples(rows) && found < known + wanted; r++) {
        slot_token slot = {ground.cycle, atol(PQgetvalue(rows, r, 0)), atol(PQgetvalue(rows, r, 1))};
        bool is_known = false;
        for (int i = 0; i < known; i++) is_known = is_known || slots[i].position == slot.position;
        if (!is_known) slots[found++] = slot;
    }
    PQclear(rows);
    postgres_synced(session);
    return found;
}

// The next cycle in laps: one slot each in turn, higher weight first.
static void build(cycle_load *load) {
    load->is_needed = true;
    load->cycle = ground.last_cycle + 1;
    load->slots = load->used = 0;
    for (long lap = 1, left = 1; left; lap++) {
        left = 0;
        for (int i = 0; i < ground.seller_count; i++) {
            if (ground.sellers[i].num < lap) continue;
            if (load->slots == most_slots) fail("a cycle has too many slots");
            load->users[load->slots++] = ground.sellers[i].user;
            left += ground.sellers[i].num > lap;
        }
    }
}

static void plan(PGconn *session, task *tasks, int count, slot_token *slots, int found, cycle_load *load) {
    if (found < count && ground.has_cycle) found = look_for_more(session, slots, found, count - found);
    for (int i = 0; i < count; i++) {
        if (i < found) {
            tasks[i].given = slots[i];
            continue;
        }
        if (!load->is_needed) build(load);
        if (load->used == load->slots) fail("the reference builds one cycle a transaction");
        tasks[i].given = (slot_token){load->cycle, load->used + 1, load->users[load->used]};
        load->used++;
    }
}

static void write_owners(PGconn *session, task *tasks, int count) {
    const char *values[2] = {customers_of(&arrays[0], tasks, count), NULL};
    array_begin(&arrays[1]);
    for (int i = 0; i < count; i++) array_number(&arrays[1], tasks[i].given.user);
    values[1] = array_end(&arrays[1]);
    postgres_send(session, "customers", 2, values);
    postgres_send(session, "distributions", 2, values);
    postgres_sync(session);
    if (postgres_affected(session) != count) fail("a customer was not changed");
    PGresult *rows = postgres_result(session);
    if (PQntuples(rows) != count) fail("a distribution is missing");
    for (int i = 0; i < count; i++) {
        // Rows come in the order of the tasks.
        if (atol(PQgetvalue(rows, i, 1)) != tasks[i].customer) fail("distributions came out of order");
        tasks[i].distribution = atol(PQgetvalue(rows, i, 0));
    }
    PQclear(rows);
    postgres_synced(session);
}

static int send_use(PGconn *session, const task *tasks, int count) {
    char cycle[24];
    int used = 0;
    for (int a = 0; a < 3; a++) array_begin(&arrays[a]);
    for (int i = 0; i < count; i++) {
        if (tasks[i].given.cycle != ground.cycle) continue;
        array_number(&arrays[0], tasks[i].given.position);
        array_number(&arrays[1], tasks[i].customer);
        array_number(&arrays[2], tasks[i].distribution);
        used++;
    }
    if (!used) return 0;
    snprintf(cycle, sizeof cycle, "%ld", ground.cycle);
    postgres_send(session, "use", 5,
                  (const char *[]){cycle, array_end(&arrays[0]), array_end(&arrays[1]), array_end(&arrays[2]),
                                   ground.moment});
    return used;
}

static void send_cycle(PGconn *session, const task *tasks, int count, const cycle_load *load) {
    char number[24], version[24];
    snprintf(number, sizeof number, "{%ld}", load->cycle);
    snprintf(version, sizeof version, "%ld", load->rank_version);
    postgres_send(session, "cycle", 4,
                  (const char *[]){number, load->used == load->slots ? "{t}" : "{f}", version, ground.moment});
    for (int a = 0; a < 3; a++) array_begin(&arrays[a]);
    for (int i = 0; i < ground.seller_count; i++) {
        array_number(&arrays[0], ground.sellers[i].user);
        array_number(&arrays[1], ground.sellers[i].num);
        array_number(&arrays[2], ground.sellers[i].weight);
    }
    postgres_send(session, "quota", 4,
                  (const char *[]){number, array_end(&arrays[0]), array_end(&arrays[1]), array_end(&arrays[2])});
    for (int a = 0; a < 6; a++) array_begin(&arrays[a]);
    int first = count - load->used;
    for (int i = 0; i < load->slots; i++) {
        array_number(&arrays[0], load->cycle);
        array_number(&arrays[1], i + 1);
        array_number(&arrays[2], load->users[i]);
        array_null(&arrays[3]);
        if (i < load->used) {
            array_number(&arrays[4], tasks[first + i].customer);
            array_number(&arrays[5], tasks[first + i].distribution);
        } else {
            array_null(&arrays[4]);
            array_null(&arrays[5]);
        }
    }
    postgres_send(session, "slots", 7,
                  (const char *[]){array_end(&arrays[0]), array_end(&arrays[1]), array_end(&arrays[2]),
                                   array_end(&arrays[3]), array_end(&arrays[4]), array_end(&arrays[5]), ground.moment});
}

// Slots and cycles; then the events.
static PGresult *write_slots(PGconn *session, const task *tasks, int count, const cycle_load *load) {
    int used = 0;
    if (ground.has_cycle) {
        used = send_use(session, tasks, count);
        postgres_send(session, "close", 1, (const char *[]){ground.moment});
    }
    if (load->is_needed) send_cycle(session, tasks, count, load);
    array_begin(&arrays[6]);
    for (int i = 0; i < count; i++) array_number(&arrays[6], tasks[i].distribution);
    postgres_send(session, "events", 1, (const char *[]){array_end(&arrays[6])});
    postgres_sync(session);
    if (used && postgres_affected(session) != used) fail("a slot was not free");
    skip(session, (ground.has_cycle ? 1 : 0) + (load->is_needed ? 3 : 0));
    PGresult *events = postgres_result(session);
    postgres_synced(session);
    return events;
}

static void write_deliveries(PGconn *session, PGresult *events, const char *channel) {
    array_begin(&arrays[0]);
    array_begin(&arrays[1]);
    for (int i = 0; i < PQntuples(events); i++) {
        array_number(&arrays[0], atol(PQgetvalue(events, i, 0)));
        array_text(&arrays[1], channel);
    }
    postgres_send(session, "deliveries", 2, (const char *[]){array_end(&arrays[0]), array_end(&arrays[1])});
    postgres_sync(session);
    PGresult *deliveries = postgres_result(session);
    postgres_synced(session);
    for (int a = 0; a < 7; a++) array_begin(&arrays[a]);
    for (int i = 0; i < PQntuples(deliveries); i++) {
        char args[64];
        snprintf(args, sizeof args, "{\"delivery_id\":%s}", PQgetvalue(deliveries, i, 0));
        array_text(&arrays[0], "notify.send");
        array_text(&arrays[1], args);
        for (int a = 2; a < 7; a++) array_null(&arrays[a]);
    }
    PQclear(deliveries);
    const char *values[7];
    for (int a = 0; a < 7; a++) values[a] = array_end(&arrays[a]);
    postgres_send(session, "outbox", 7, values);
}

void assign_commit(PGconn *session, task *tasks, int count, const slot_token *tokens, int token_count,
                   const char *channel, cycle_load *load) {
    slot_token slots[most_tasks * 2];
    load->is_needed = false;
    int found = look(session, tasks, count, tokens, token_count, slots, load);
    plan(session, tasks, count, slots, found, load);
    write_owners(session, tasks, count);
    PGresult *events = write_slots(session, tasks, count, load);
    if (*channel) write_deliveries(session, events, channel);
    PQclear(events);
    send(session, "commit");
    postgres_sync(session);
    skip(session, *channel ? 2 : 1);
    postgres_synced(session);
}
