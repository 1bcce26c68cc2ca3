// latency-serve: an idle worker, woken by the product's peek, until --jobs are done; each job's result is when it began.
// Like the product it lets an acknowledgement ride on the next claim.
// latency-send: enqueues --jobs, one at a time after a pause of 2 to --pause ms, and compares with those results.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "queue.h"

typedef struct {
    // Peeks have a connection of their own: what is sent behind one would wait for it.
    queue_store peek, calls;
    queue_call exchange, beat;
    char session[64], ready[64], result[64];
    // The job that is done and not acknowledged yet.
    bool has_done;
    long long slot, next_slot;
    int64_t done_at;
    buffer out;
} idle;

// An acknowledgement waits so long for the next claim.
static const int company_ms = 5;

static redisReply *exchange(idle *w, int take) {
    queue_begin(&w->out, &w->exchange, w->has_done ? 10 : 5);
    command_text(&w->out, w->session);
    command_text(&w->out, "ready");
    command_number(&w->out, take);
    command_number(&w->out, w->next_slot);
    command_text(&w->out, "0");
    if (w->has_done) {
        command_number(&w->out, w->slot);
        command_text(&w->out, "done");
        command_text(&w->out, w->result);
        command_text(&w->out, "");
        command_text(&w->out, "");
    }
    w->has_done = false;
    w->next_slot += take;
    queue_append(w->calls.redis, &w->out);
    return queue_reply(w->calls.redis);
}

// Waits for a job; acknowledges the last one meanwhile if none comes soon. False after 2 s without one.
static bool peek(idle *w) {
    redisAppendCommand(w->peek.redis, "BLMOVE %s %s RIGHT RIGHT 2", w->ready, w->ready);
    int written = 0;
    while (!written)
        if (redisBufferWrite(w->peek.redis, &written) != REDIS_OK) fail("%s", w->peek.redis->errstr);
    struct pollfd polled = {.fd = w->peek.redis->fd, .events = POLLIN};
    if (w->has_done) {
        int left = company_ms - (int)((now_ns() - w->done_at) / 1000000);
        if (poll(&polled, 1, left > 0 ? left : 0) == 0) freeReplyObject(exchange(w, 0));
    }
    redisReply *reply = queue_reply(w->peek.redis);
    bool found = reply->type == REDIS_REPLY_STRING;
    freeReplyObject(reply);
    return found;
}

static void keep_lease(idle *w) {
    queue_begin(&w->out, &w->beat, 2);
    command_text(&w->out, w->session);
    command_text(&w->out, "15000");
    queue_append(w->calls.redis, &w->out);
    freeReplyObject(queue_reply(w->calls.redis));
}

int run_latency_serve(void) {
    idle w = {.peek = queue_connect(), .calls = queue_connect(), .next_slot = 1};
    const char *queue = option("--queue", "default");
    long jobs = option_number("--jobs", 1), done = 0;
    snprintf(w.session, sizeof w.session, "reference-%d.1", getpid());
    snprintf(w.ready, sizeof w.ready, "paidan:{%s}:ready", queue);
    w.exchange = queue_make_call(&w.calls, "exchange", queue);
    w.beat = queue_make_call(&w.calls, "beat", queue);
    queue_open(&w.calls, queue, w.session);
    for (int64_t beaten = now_ns(); done < jobs;) {
        for (bool found = peek(&w); found && done < jobs;) {
            claim c;
            redisReply *reply = exchange(&w, 1);
            found = queue_claims(reply, &c, 1);
            if (found) {
                int64_t started = now_ns();
                if (c.kind_size != 4 || memcmp(c.kind, "noop", 4)) fail("unknown kind");
                snprintf(w.result, sizeof w.result, "{\"started_ns\":%lld}", (long long)started);
                w.slot = c.slot;
                w.has_done = true;
                w.done_at = now_ns();
                done++;
                // More may wait: the list's length stands in the reply.
                found = reply->element[1]->integer > 0;
            }
            freeReplyObject(reply);
        }
        if (now_ns() - beaten > 5000000000) {
            beaten = now_ns();
            keep_lease(&w);
        }
    }
    if (w.has_done) freeReplyObject(exchange(&w, 0));
    queue_release(&w.calls, queue, w.session);
    printf("{\"jobs\":%ld}\n", done);
    return 0;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// When the handler of a job began; waits for its end.
static int64_t started(const queue_store *store, const char *queue, const char *id) {
    for (int64_t begun = now_ns(); seconds_since(begun) < 10;) {
        redisReply *reply = redisCommand(store->redis, "HGET paidan:{%s}:job:%s result", queue, id);
        if (!reply) fail("HGET: %s", store->redis->errstr);
        int64_t at = 0;
        const char *digits = reply->type == REDIS_REPLY_STRING ? strchr(reply->str, ':') : NULL;
        if (digits) at = strtoll(digits + 1, NULL, 10);
        freeReplyObject(reply);
        if (at) return at;
        usleep(1000);
    }
    fail("job %s did not end within 10 s", id);
}

int run_latency_send(void) {
    queue_store store = queue_connect();
    const char *queue = option("--queue", "default"), *args = "{\"clock\":true}";
    long jobs = option_number("--jobs", 1), pause = option_number("--pause", 12), warm = 50;
    char(*ids)[27] = calloc(jobs + warm, sizeof *ids);
    int64_t *sent = calloc(jobs + warm, sizeof *sent);
    double *times = calloc(jobs + warm, sizeof *times), sum = 0;
    buffer b = {0};
    for (long i = 0; i < jobs + warm; i++) {
        struct timespec wait = {.tv_nsec = 2000000 + chance() % (uint64_t)((pause - 2) * 1000000 + 1)};
        nanosleep(&wait, NULL);
        queue_make_id(ids[i]);
        queue_begin_enqueue(&b, &store, queue, 1);
        queue_job(&b, ids[i], "noop", 4, args, strlen(args));
        sent[i] = now_ns();
        queue_append(store.redis, &b);
        freeReplyObject(queue_reply(store.redis));
    }
    for (long i = 0; i < jobs; i++) {
        times[i] = (double)(started(&store, queue, ids[warm + i]) - sent[warm + i]) / 1e6;
        sum += times[i];
    }
    qsort(times, jobs, sizeof *times, by_value);
    printf("{\"jobs\":%ld,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"mean_ms\":%.4f,\"most_ms\":%.4f}\n", jobs, times[jobs / 2],
           times[jobs * 99 / 100], sum / jobs, times[jobs - 1]);
    return 0;
}
