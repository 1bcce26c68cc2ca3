// latency-serve: an idle worker, woken by the product's peek, until --jobs are done; each job's result is when it began.
// latency-send: enqueues --jobs, one at a time after a pause of 1 to --pause ms, and compares with those results.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "queue.h"

static redisReply *exchange(const queue_store *store, const queue_call *call, buffer *b, const char *session,
                            long long next, const claim *done, const char *result) {
    queue_begin(b, call, done ? 10 : 5);
    command_text(b, session);
    command_text(b, "ready");
    command_text(b, "1");
    command_number(b, next);
    command_text(b, "0");
    if (done) {
        command_number(b, done->slot);
        command_text(b, "done");
        command_text(b, result);
        command_text(b, "");
        command_text(b, "");
    }
    queue_append(store->redis, b);
    return queue_reply(store->redis);
}

int run_latency_serve(void) {
    queue_store store = queue_connect();
    const char *queue = option("--queue", "default");
    long jobs = option_number("--jobs", 1), done = 0;
    char session[64], ready[64], result[64];
    snprintf(session, sizeof session, "reference-%d.1", getpid());
    snprintf(ready, sizeof ready, "paidan:{%s}:ready", queue);
    queue_call call = queue_make_call(&store, "exchange", queue), beat = queue_make_call(&store, "beat", queue);
    queue_open(&store, queue, session);
    fprintf(stderr, "watching\n");
    buffer b = {0};
    int64_t beaten = now_ns();
    for (long long next = 1; done < jobs;) {
        redisReply *peek = redisCommand(store.redis, "BLMOVE %s %s RIGHT RIGHT 2", ready, ready);
        if (!peek || peek->type == REDIS_REPLY_ERROR) fail("BLMOVE: %s", peek ? peek->str : store.redis->errstr);
        bool found = peek->type == REDIS_REPLY_STRING;
        freeReplyObject(peek);
        claim c;
        redisReply *reply = found ? exchange(&store, &call, &b, session, next, NULL, NULL) : NULL;
        while (reply && queue_claims(reply, &c, 1)) {
            snprintf(result, sizeof result, "{\"started_ns\":%lld}", (long long)now_ns());
            if (c.kind_size != 4 || memcmp(c.kind, "noop", 4)) fail("unknown kind");
            redisReply *after = exchange(&store, &call, &b, session, ++next, &c, result);
            freeReplyObject(reply);
            reply = after;
            done++;
        }
        if (reply) freeReplyObject(reply);
        if (now_ns() - beaten > 5000000000) {
            beaten = now_ns();
            queue_begin(&b, &beat, 2);
            command_text(&b, session);
            command_text(&b, "15000");
            queue_append(store.redis, &b);
            freeReplyObject(queue_reply(store.redis));
        }
    }
    queue_release(&store, queue, session);
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
    long jobs = option_number("--jobs", 1), pause = option_number("--pause", 8), warm = 50;
    char(*ids)[27] = calloc(jobs + warm, sizeof *ids);
    int64_t *sent = calloc(jobs + warm, sizeof *sent);
    double *times = calloc(jobs + warm, sizeof *times), sum = 0;
    buffer b = {0};
    for (long i = 0; i < jobs + warm; i++) {
        struct timespec wait = {.tv_nsec = 1000000 + chance() % (uint64_t)((pause - 1) * 1000000 + 1)};
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
