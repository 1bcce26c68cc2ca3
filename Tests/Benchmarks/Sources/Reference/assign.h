// Assignment of customers, one a job, many jobs in one transaction.
#pragma once
#include <postgresql/libpq-fe.h>
#include <stdbool.h>

enum { most_tasks = 256, most_sellers = 1024, most_slots = 8192 };

typedef struct {
    long cycle, position, user;
} slot_token;

typedef struct {
    char job[65];
    long long slot;
    long customer, distribution;
    slot_token given;
} task;

// What the seller list is to hold after a transaction that built a cycle.
typedef struct {
    bool is_needed;
    long cycle, rank_version;
    char stamp[32];
    // Of these the first `used` are taken.
    long users[most_slots];
    int slots, used;
} cycle_load;

// Prepares the statements.
void assign_prepare(PGconn *session);
// One transaction. `tokens` come from the list in order, fewer than tasks when it ran out. With a channel each event has
// a delivery and an outbox row.
void assign_commit(PGconn *session, task *tasks, int count, const slot_token *tokens, int token_count,
                   const char *channel, cycle_load *load);
