// assign: claims --jobs jobs of customer.assign in batches of --batch and gives their customers away; the next batch is
// claimed, and the last acknowledged, while the transaction runs.
#include "assign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postgres.h"
#include "program.h"
#include "queue.h"

typedef struct {
    queue_store store;
    queue_call exchange;
    char session[64];
    int batch;
    long long next_slot;
    buffer out;
    char *load_script, *return_script;
} desk;

static char *read_script(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", option("--lua", NULL), name);
    FILE *file = fopen(path, "r");
    if (!file) fail("cannot read %s", path);
    char *text = calloc(1, 65536);
    fread(text, 1, 65535, file) ? 0 : fail("%s is empty", path);
    fclose(file);
    return text;
}

static void append_exchange(desk *d, const task *done, int count) {
    queue_begin(&d->out, &d->exchange, 5 + 5 * count);
    command_text(&d->out, d->session);
    command_text(&d->out, "ready");
    command_number(&d->out, d->batch);
    command_number(&d->out, d->next_slot);
    command_text(&d->out, "0");
    for (int i = 0; i < count; i++) {
        command_number(&d->out, done[i].slot);
        command_text(&d->out, "done");
        command_text(&d->out, "{\"result\":\"assigned\",\"assigned\":1,\"pending\":0}");
        command_text(&d->out, "");
        command_text(&d->out, "");
    }
    d->next_slot += d->batch;
    queue_append(d->store.redis, &d->out);
}

static int read_tasks(redisReply *reply, task *tasks) {
    static claim claims[most_tasks];
    static const char head[] = "{\"customer_ids\":[";
    int count = queue_claims(reply, claims, most_tasks);
    for (int i = 0; i < count; i++) {
        const claim *c = &claims[i];
        if (c->kind_size != 15 || memcmp(c->kind, "customer.assign", 15)) fail("unknown kind");
        if (c->args_size <= sizeof head || memcmp(c->args, head, sizeof head - 1)) fail("these are no arguments");
        tasks[i] = (task){.slot = c->slot, .customer = atol(c->args + sizeof head - 1)};
        snprintf(tasks[i].job, sizeof tasks[i].job, "%.*s", (int)c->id_size, c->id);
    }
    freeReplyObject(reply);
    return count;
}

static void append_pop(desk *d, int count) {
    command_begin(&d->out, 3);
    command_text(&d->out, "LPOP");
    command_text(&d->out, "paidan:{assign}:list");
    command_number(&d->out, count);
    queue_append(d->store.redis, &d->out);
}

static int read_tokens(desk *d, slot_token *tokens) {
    redisReply *reply = queue_reply(d->store.redis);
    int count = 0;
    for (size_t i = 0; i < reply->elements; i++) {
        slot_token *t = &tokens[count];
        if (sscanf(reply->element[i]->str, "%ld:%ld:%ld", &t->cycle, &t->position, &t->user) == 3) count++;
    }
    freeReplyObject(reply);
    return count;
}

static void add_token(buffer *b, long cycle, long position, long user) {
    char text[96];
    snprintf(text, sizeof text, "%ld:%ld:%ld", cycle, position, user);
    command_text(b, text);
}

static void append_load(desk *d, const cycle_load *load) {
    int open = load->slots - load->used;
    command_begin(&d->out, 7 + 4 + open + load->slots);
    command_text(&d->out, "EVAL");
    command_text(&d->out, d->load_script);
    command_text(&d->out, "4");
    command_text(&d->out, "paidan:{assign}:list");
    command_text(&d->out, "paidan:{assign}:origin");
    command_text(&d->out, "paidan:{assign}:reset");
    command_text(&d->out, "paidan:{assign}:loaded");
    command_number(&d->out, load->cycle);
    command_text(&d->out, load->stamp);
    command_number(&d->out, load->rank_version);
    command_number(&d->out, open);
    for (int i = load->used; i < load->slots; i++) add_token(&d->out, load->cycle, i + 1, load->users[i]);
    for (int i = 0; i < load->slots; i++) add_token(&d->out, load->cycle, i + 1, load->users[i]);
    queue_append(d->store.redis, &d->out);
}

static void give_back(desk *d, const slot_token *tokens, int count) {
    if (count <= 0) return;
    command_begin(&d->out, 5 + count);
    command_text(&d->out, "EVAL");
    command_text(&d->out, d->return_script);
    command_text(&d->out, "2");
    command_text(&d->out, "paidan:{assign}:list");
    command_text(&d->out, "paidan:{assign}:loaded");
    for (int i = 0; i < count; i++) add_token(&d->out, tokens[i].cycle, tokens[i].position, tokens[i].user);
    queue_append(d->store.redis, &d->out);
    freeReplyObject(queue_reply(d->store.redis));
}

int run_assign(void) {
    desk d = {.store = queue_connect(), .next_slot = 1};
    PGconn *session = postgres_connect(option("--postgres", NULL));
    assign_prepare(session);
    long jobs = option_number("--jobs", 1), acknowledged = 0;
    d.batch = (int)option_number("--batch", 64);
    if (d.batch < 1 || d.batch > most_tasks) fail("--batch is 1 to 256");
    const char *channel = option("--channel", "");
    d.load_script = read_script("seller_list_load.lua");
    d.return_script = read_script("seller_list_return.lua");
    snprintf(d.session, sizeof d.session, "reference-%d.1", getpid());
    d.exchange = queue_make_call(&d.store, "exchange", "critical");
    queue_open(&d.store, "critical", d.session);

    static task tasks[2][most_tasks];
    static slot_token tokens[2][most_tasks];
    static cycle_load load;
    int64_t start = now_ns();
    double cpu = cpu_seconds();
    append_exchange(&d, NULL, 0);
    int turn = 0, count = read_tasks(queue_reply(d.store.redis), tasks[0]), finished = 0, held = -1;
    while (acknowledged < jobs) {
        task *now = tasks[turn], *before = tasks[1 - turn];
        if (count && held < 0) {
            append_pop(&d, count);
            held = read_tokens(&d, tokens[turn]);
        }
        // The next slots are popped ahead unless this transaction will build a cycle, which loads the list anew.
        bool ahead = count && held >= count;
        append_exchange(&d, before, finished);
        if (ahead) append_pop(&d, d.batch);
        int written = 0;
        while (!written)
            if (redisBufferWrite(d.store.redis, &written) != REDIS_OK) fail("%s", d.store.redis->errstr);
        load.is_needed = false;
        if (count) assign_commit(session, now, count, tokens[turn], held, channel, &load);
        acknowledged += finished;
        finished = count;
        redisReply *reply = queue_reply(d.store.redis);
        int found = read_tasks(reply, before);
        if (!found && !finished && acknowledged < jobs) fail("%ld of %ld jobs were there", acknowledged, jobs);
        int unused = count && held > count ? held - count : 0, popped = -1;
        if (ahead) popped = read_tokens(&d, tokens[1 - turn]);
        if (unused) give_back(&d, tokens[turn] + count, unused);
        if (load.is_needed) {
            append_load(&d, &load);
            freeReplyObject(queue_reply(d.store.redis));
        }
        held = popped;
        count = found;
        turn = 1 - turn;
    }
    double took = seconds_since(start);
    if (held > 0) give_back(&d, tokens[turn], held);
    queue_release(&d.store, "critical", d.session);
    PQfinish(session);
    printf("{\"jobs\":%ld,\"seconds\":%.6f,\"per_second\":%.1f,\"cpu_seconds\":%.3f}\n", jobs, took, jobs / took,
           cpu_seconds() - cpu);
    return 0;
}
