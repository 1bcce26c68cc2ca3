// drain: acknowledges and claims in one call of --batch, --depth calls under way, until --jobs are acknowledged.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "queue.h"

enum { most = 256 };

typedef struct {
    queue_store store;
    queue_call exchange, beat;
    const char *session;
    int batch;
    long long next_slot;
    long acknowledged;
} drain;

// What the worker must do with a claim before its handler: know its kind, own its arguments.
static int handle(const claim *c, char *args, size_t room) {
    if (c->kind_size != 4 || memcmp(c->kind, "noop", 4)) fail("unknown kind %.*s", (int)c->kind_size, c->kind);
    if (c->args_size >= room) fail("arguments are too large");
    memcpy(args, c->args, c->args_size);
    return c->args_size == 2 && args[0] == '{' && args[1] == '}';
}

static void append_exchange(drain *d, buffer *b, const long long *slots, int settled) {
    queue_begin(b, &d->exchange, 5 + settled);
    command_text(b, d->session);
    command_text(b, "ready");
    command_number(b, d->batch);
    command_number(b, d->next_slot);
    command_number(b, settled);
    for (int i = 0; i < settled; i++) command_number(b, slots[i]);
    d->next_slot += d->batch;
    queue_append(d->store.redis, b);
}

static void append_beat(drain *d, buffer *b) {
    queue_begin(b, &d->beat, 2);
    command_text(b, d->session);
    command_text(b, "15000");
    queue_append(d->store.redis, b);
}

int run_drain(void) {
    drain d = {.store = queue_connect(), .next_slot = 1};
    const char *queue = option("--queue", "default");
    char session[64];
    snprintf(session, sizeof session, "reference-%d.1", getpid());
    d.session = session;
    d.batch = (int)option_number("--batch", 64);
    if (d.batch < 1 || d.batch > most) fail("--batch is 1 to 256");
    long jobs = option_number("--jobs", 1), depth = option_number("--depth", 2);
    d.exchange = queue_make_call(&d.store, "exchange", queue);
    d.beat = queue_make_call(&d.store, "beat", queue);
    queue_open(&d.store, queue, session);

    // How many acknowledgements each call under way carries; -1 is a beat.
    int carried[64];
    long first = 0, under_way = 0;
    if (depth < 1 || depth > 32) fail("--depth is 1 to 32");
    buffer b = {0};
    claim claims[most];
    long long slots[most] = {0};
    static char args[65537];
    int64_t start = now_ns(), beaten = start;
    double cpu = cpu_seconds();
    for (int i = 0; i < depth; i++) {
        append_exchange(&d, &b, slots, 0);
        carried[under_way++] = 0;
    }
    while (d.acknowledged < jobs) {
        if (!under_way) fail("%ld of %ld jobs were there", d.acknowledged, jobs);
        redisReply *reply = queue_reply(d.store.redis);
        int settled = carried[first++ % 64];
        under_way--;
        if (settled < 0) {
            freeReplyObject(reply);
            continue;
        }
        d.acknowledged += settled;
        int found = queue_claims(reply, claims, most);
        for (int i = 0; i < found; i++) {
            if (!handle(&claims[i], args, sizeof args)) fail("these are not empty arguments");
            slots[i] = claims[i].slot;
        }
        freeReplyObject(reply);
        if (found) {
            append_exchange(&d, &b, slots, found);
            carried[(first + under_way++) % 64] = found;
        }
        if (now_ns() - beaten > 5000000000) {
            beaten = now_ns();
            append_beat(&d, &b);
            carried[(first + under_way++) % 64] = -1;
        }
    }
    double took = seconds_since(start);
    cpu = cpu_seconds() - cpu;
    for (; under_way; under_way--) freeReplyObject(queue_reply(d.store.redis));
    queue_release(&d.store, queue, session);
    printf("{\"jobs\":%ld,\"seconds\":%.6f,\"per_second\":%.1f,\"cpu_seconds\":%.3f}\n", jobs, took, jobs / took, cpu);
    return 0;
}
