// The product's queue in Redis, called by the names that its own library has on the server.
#pragma once
#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "buffer.h"

typedef struct {
    redisContext *redis;
    // Behind the last _ of each function's name.
    char version[64];
} queue_store;

// `FCALL function 9 keys…`, made once.
typedef struct {
    buffer text;
    int words;
} queue_call;

// A job as the worker must know it: bytes of the reply, not copied.
typedef struct {
    long long slot;
    const char *id, *kind, *args;
    size_t id_size, kind_size, args_size;
    long attempt, max_attempts, timeout_ms;
    bool has_key;
} claim;

queue_store queue_connect(void);
queue_call queue_make_call(const queue_store *store, const char *function, const char *queue);
// Begins a call with so many arguments behind the keys.
void queue_begin(buffer *b, const queue_call *call, long arguments);
// `enqueue` of so many jobs to one queue; each is queue_job.
void queue_begin_enqueue(buffer *b, const queue_store *store, const char *queue, long jobs);
void queue_job(buffer *b, const char *id, const char *kind, size_t kind_size, const char *args, size_t args_size);
// 26 characters, as the product's ids are.
void queue_make_id(char id[27]);

// Sends what is in the buffer with the next queue_reply, and empties it.
void queue_append(redisContext *redis, buffer *b);
// The next reply; an error ends the program. To be freed.
redisReply *queue_reply(redisContext *redis);
// Claims of an `exchange` reply; returns their number.
int queue_claims(const redisReply *reply, claim *claims, int room);

void queue_open(const queue_store *store, const char *queue, const char *session);
void queue_release(const queue_store *store, const char *queue, const char *session);
