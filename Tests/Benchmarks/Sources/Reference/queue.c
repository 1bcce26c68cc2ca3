#include "queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

static void find_version(queue_store *store) {
    redisReply *list = redisCommand(store->redis, "FUNCTION LIST LIBRARYNAME paidan_*");
    if (!list || list->type != REDIS_REPLY_ARRAY) fail("FUNCTION LIST: %s", list ? list->str : store->redis->errstr);
    if (list->elements != 1) fail("%zu function libraries of paidan on the server, not one", list->elements);
    redisReply *library = list->element[0];
    for (size_t i = 0; i + 1 < library->elements; i += 2)
        if (!strcmp(library->element[i]->str, "library_name"))
            snprintf(store->version, sizeof store->version, "%s", library->element[i + 1]->str + strlen("paidan_"));
    freeReplyObject(list);
}

queue_store queue_connect(void) {
    queue_store store = {0};
    store.redis = redisConnectUnix(option("--redis", NULL));
    if (!store.redis || store.redis->err) fail("no connection: %s", store.redis ? store.redis->errstr : "memory");
    find_version(&store);
    return store;
}

queue_call queue_make_call(const queue_store *store, const char *function, const char *queue) {
    static const char *const names[] = {"ready", "suspect", "sessions", "delayed", "dead",
                                        "done",  "crashes", "paused",   "counters"};
    queue_call call = {.words = 12};
    char text[128];
    command_text(&call.text, "FCALL");
    snprintf(text, sizeof text, "paidan_%s_%s", function, store->version);
    command_text(&call.text, text);
    command_text(&call.text, "9");
    for (int i = 0; i < 9; i++) {
        snprintf(text, sizeof text, "paidan:{%s}:%s", queue, names[i]);
        command_text(&call.text, text);
    }
    return call;
}

void queue_begin(buffer *b, const queue_call *call, long arguments) {
    command_begin(b, call->words + arguments);
    buffer_add(b, call->text.bytes, call->text.used);
}

void queue_begin_enqueue(buffer *b, const queue_store *store, const char *queue, long jobs) {
    char text[128];
    command_begin(b, 4 + 5 * jobs);
    command_text(b, "FCALL");
    snprintf(text, sizeof text, "paidan_enqueue_%s", store->version);
    command_text(b, text);
    command_text(b, "1");
    snprintf(text, sizeof text, "paidan:{%s}:ready", queue);
    command_text(b, text);
}

void queue_job(buffer *b, const char *id, const char *kind, size_t kind_size, const char *args, size_t args_size) {
    command_text(b, "1");
    command_bytes(b, id, 26);
    command_bytes(b, kind, kind_size);
    command_bytes(b, args, args_size);
    command_text(b, "0");
}

void queue_make_id(char id[27]) {
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint64_t time = (uint64_t)now_ns() / 1000, low = chance(), high = chance();
    for (int place = 9; place >= 0; place--, time >>= 5) id[place] = alphabet[time & 31];
    for (int place = 10; place < 18; place++, low >>= 5) id[place] = alphabet[low & 31];
    for (int place = 18; place < 26; place++, high >>= 5) id[place] = alphabet[high & 31];
    id[26] = 0;
}

void queue_append(redisContext *redis, buffer *b) {
    if (redisAppendFormattedCommand(redis, b->bytes, b->used) != REDIS_OK) fail("append: %s", redis->errstr);
    b->used = 0;
}

redisReply *queue_reply(redisContext *redis) {
    redisReply *reply = NULL;
    if (redisGetReply(redis, (void **)&reply) != REDIS_OK) fail("the connection to Redis: %s", redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR) fail("Redis: %s", reply->str);
    return reply;
}

// The next word of a header, and what it says as a number.
static const char *word(const char **at, const char *end, size_t *size) {
    const char *start = *at;
    const char *space = memchr(start, ' ', end - start);
    *size = (space ? space : end) - start;
    *at = space ? space + 1 : end;
    return start;
}

static long number(const char **at, const char *end) {
    size_t size;
    const char *digits = word(at, end, &size);
    long value = 0;
    for (size_t i = 0; i < size; i++) value = value * 10 + (digits[i] - '0');
    return value;
}

int queue_claims(const redisReply *reply, claim *claims, int room) {
    int found = 0;
    for (size_t i = 4; i + 2 < reply->elements && found < room; i += 3, found++) {
        claim *c = &claims[found];
        const redisReply *header = reply->element[i + 1], *args = reply->element[i + 2];
        const char *at = header->str, *end = header->str + header->len;
        size_t trace;
        c->slot = reply->element[i]->integer;
        c->id = word(&at, end, &c->id_size);
        c->attempt = number(&at, end);
        c->max_attempts = number(&at, end);
        c->timeout_ms = number(&at, end);
        number(&at, end);
        number(&at, end);
        c->has_key = number(&at, end) == 1;
        word(&at, end, &trace);
        c->kind = at;
        c->kind_size = end - at;
        c->args = args->str;
        c->args_size = args->len;
    }
    return found;
}

void queue_open(const queue_store *store, const char *queue, const char *session) {
    queue_call call = queue_make_call(store, "open", queue);
    buffer b = {0};
    queue_begin(&b, &call, 3);
    command_text(&b, session);
    command_text(&b, "15000");
    command_text(&b, "");
    queue_append(store->redis, &b);
    freeReplyObject(queue_reply(store->redis));
    buffer_free(&b);
    buffer_free(&call.text);
}

void queue_release(const queue_store *store, const char *queue, const char *session) {
    queue_call call = queue_make_call(store, "release", queue);
    buffer b = {0};
    queue_begin(&b, &call, 1);
    command_text(&b, session);
    queue_append(store->redis, &b);
    freeReplyObject(queue_reply(store->redis));
    buffer_free(&b);
    buffer_free(&call.text);
}
