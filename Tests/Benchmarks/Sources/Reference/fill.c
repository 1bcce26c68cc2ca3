// fill: enqueues --jobs jobs of --kind, 500 a call. --args as they are, or --customers FIRST: one customer each.
// watch: looks at a queue's counters every 2 ms until --jobs have succeeded; both sides are timed by it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "queue.h"

int run_fill(void) {
    queue_store store = queue_connect();
    const char *queue = option("--queue", "default"), *kind = option("--kind", "noop"), *args = option("--args", "{}");
    long jobs = option_number("--jobs", 1), customer = option_number("--customers", 0);
    buffer b = {0};
    char id[27], one[64];
    for (long done = 0; done < jobs;) {
        // Four calls a turn.
        int calls = 0;
        for (; calls < 4 && done < jobs; calls++) {
            long count = jobs - done < 500 ? jobs - done : 500;
            queue_begin_enqueue(&b, &store, queue, count);
            for (long i = 0; i < count; i++, done++) {
                queue_make_id(id);
                if (customer) snprintf(one, sizeof one, "{\"customer_ids\":[%ld]}", customer + done);
                const char *bytes = customer ? one : args;
                queue_job(&b, id, kind, strlen(kind), bytes, strlen(bytes));
            }
            queue_append(store.redis, &b);
        }
        while (calls--) freeReplyObject(queue_reply(store.redis));
    }
    printf("{\"jobs\":%ld}\n", jobs);
    return 0;
}

int run_watch(void) {
    queue_store store = queue_connect();
    long jobs = option_number("--jobs", 1), patience = option_number("--patience", 120);
    char key[64];
    snprintf(key, sizeof key, "paidan:{%s}:counters", option("--queue", "default"));
    int64_t begun = now_ns(), first = begun;
    long waiting_at_first = -1;
    // Says that it looks: now the worker may start.
    fprintf(stderr, "watching\n");
    for (;;) {
        int64_t looked = now_ns();
        redisReply *reply = redisCommand(store.redis, "HMGET %s waiting succeeded", key);
        if (!reply || reply->type != REDIS_REPLY_ARRAY) fail("HMGET: %s", store.redis->errstr);
        long waiting = reply->element[0]->str ? atol(reply->element[0]->str) : 0;
        long succeeded = reply->element[1]->str ? atol(reply->element[1]->str) : 0;
        freeReplyObject(reply);
        if (waiting_at_first < 0) waiting_at_first = waiting;
        // The last look at which nothing had been taken.
        if (waiting == waiting_at_first && !succeeded) first = looked;
        if (succeeded >= jobs) break;
        if (seconds_since(begun) > patience) fail("%ld of %ld jobs after %ld s", succeeded, jobs, patience);
        usleep(2000);
    }
    double took = seconds_since(first);
    printf("{\"jobs\":%ld,\"seconds\":%.6f,\"per_second\":%.1f}\n", jobs, took, jobs / took);
    return 0;
}
