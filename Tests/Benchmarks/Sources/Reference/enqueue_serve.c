// enqueue-serve: an HTTP server on --port that takes jobs in, until it is killed. POST /v1/jobs: what arrives in one turn
// of epoll goes to Redis in one write, a call each; POST /v1/jobs/bulk: 500 lines a call, all calls under way at once.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "program.h"
#include "queue.h"

enum { most_connections = 1024, most_waiting = 65536, lines_a_call = 500 };

typedef struct {
    int descriptor;
    buffer in, out;
} connection;

// A request that Redis has not answered yet.
typedef struct {
    connection *from;
    char id[27];
} waiting;

static struct {
    queue_store store;
    // Bulks are answered over a connection of their own, one at a time.
    queue_store bulk_store;
    const char *queue, *token;
    int epoll;
    buffer calls;
    waiting waiting[most_waiting];
    unsigned first, last;
} server;

static void watch(int descriptor, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, descriptor, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static void answer(connection *c, const char *status, const char *head, const buffer *body) {
    char line[256];
    int size = snprintf(line, sizeof line, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                        status, body->used, head);
    buffer_add(&c->out, line, size);
    buffer_add(&c->out, body->bytes, body->used);
}

static void refuse(connection *c, const char *status) {
    buffer body = {0};
    buffer_text(&body, "{}");
    answer(c, status, "", &body);
    buffer_free(&body);
}

static void flush(connection *c) {
    while (c->out.used) {
        ssize_t sent = write(c->descriptor, c->out.bytes, c->out.used);
        if (sent < 0 && errno == EAGAIN) continue;
        if (sent < 0) break;
        memmove(c->out.bytes, c->out.bytes + sent, c->out.used - sent);
        c->out.used -= sent;
    }
    c->out.used = 0;
}

static void enqueue_one(connection *c, const http_message *request) {
    job_request job;
    if (!job_request_read(request->body, request->body_size, &job)) return refuse(c, "400 Bad Request");
    if (job.kind_size != 4 || memcmp(job.kind, "noop", 4)) return refuse(c, "422 Unprocessable Content");
    waiting *w = &server.waiting[server.last++ % most_waiting];
    w->from = c;
    queue_make_id(w->id);
    queue_begin_enqueue(&server.calls, &server.store, server.queue, 1);
    queue_job(&server.calls, w->id, job.kind, job.kind_size, job.args, job.args_size);
}

static void enqueue_bulk(connection *c, const http_message *request) {
    redisContext *redis = server.bulk_store.redis;
    const char *at = request->body, *end = at + request->body_size;
    buffer jobs = {0}, call = {0}, ids = {0};
    long calls = 0, accepted = 0, in_call = 0;
    while (at < end) {
        const char *line = at, *stop = memchr(at, '\n', end - at);
        if (!stop) stop = end;
        at = stop + 1;
        job_request job;
        if (!job_request_read(line, stop - line, &job)) return refuse(c, "422 Unprocessable Content");
        char id[27];
        queue_make_id(id);
        queue_job(&jobs, id, job.kind, job.kind_size, job.args, job.args_size);
        if (++in_call == lines_a_call || at >= end) {
            queue_begin_enqueue(&call, &server.bulk_store, server.queue, in_call);
            buffer_add(&call, jobs.bytes, jobs.used);
            queue_append(redis, &call);
            int done = 0;
            // On its way while the next lines are read.
            redisBufferWrite(redis, &done);
            jobs.used = 0;
            in_call = 0;
            calls++;
        }
    }
    for (; calls; calls--) {
        redisReply *reply = queue_reply(redis);
        for (size_t i = 0; i + 1 < reply->elements; i += 2) {
            buffer_text(&ids, accepted++ ? ",\"" : "\"");
            buffer_add(&ids, reply->element[i]->str, reply->element[i]->len);
            buffer_text(&ids, "\"");
        }
        freeReplyObject(reply);
    }
    buffer body = {0};
    buffer_text(&body, "{\"accepted\":");
    buffer_number(&body, accepted);
    buffer_text(&body, ",\"ids\":[");
    buffer_add(&body, ids.bytes, ids.used);
    buffer_text(&body, "]}");
    answer(c, "202 Accepted", "", &body);
    buffer_free(&body);
    buffer_free(&ids);
    buffer_free(&jobs);
    buffer_free(&call);
}

static void handle(connection *c, const http_message *request) {
    static const char one[] = "POST /v1/jobs HTTP/1.1", bulk[] = "POST /v1/jobs/bulk HTTP/1.1";
    if (!request->has_token) return refuse(c, "401 Unauthorized");
    if (request->start_size == sizeof one - 1 && !memcmp(request->start_line, one, sizeof one - 1))
        return request->is_json ? enqueue_one(c, request) : refuse(c, "415 Unsupported Media Type");
    if (request->start_size == sizeof bulk - 1 && !memcmp(request->start_line, bulk, sizeof bulk - 1))
        return request->is_lines ? enqueue_bulk(c, request) : refuse(c, "415 Unsupported Media Type");
    refuse(c, "404 Not Found");
}

static void end_connection(connection *c) {
    close(c->descriptor);
    c->descriptor = -1;
}

static void receive(connection *c) {
    char bytes[65536];
    ssize_t count = read(c->descriptor, bytes, sizeof bytes);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return end_connection(c);
    buffer_add(&c->in, bytes, count);
    http_message request;
    size_t used = 0;
    for (;;) {
        http_state state = http_read(c->in.bytes + used, c->in.used - used, server.token, &request);
        if (state == http_wrong) return end_connection(c);
        if (state == http_incomplete) break;
        handle(c, &request);
        used += request.size;
    }
    if (used) memmove(c->in.bytes, c->in.bytes + used, c->in.used - used);
    c->in.used -= used;
    if (c->out.used) flush(c);
}

static void accept_all(int listener) {
    int descriptor;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *c = calloc(1, sizeof *c);
        c->descriptor = descriptor;
        watch(descriptor, c);
    }
}

static void redis_replied(void) {
    redisContext *redis = server.store.redis;
    if (redisBufferRead(redis) != REDIS_OK) fail("the connection to Redis: %s", redis->errstr);
    static buffer body;
    redisReply *reply;
    while (redisGetReplyFromReader(redis, (void **)&reply) == REDIS_OK && reply) {
        if (reply->type == REDIS_REPLY_ERROR) fail("Redis: %s", reply->str);
        waiting *w = &server.waiting[server.first++ % most_waiting];
        char head[64];
        snprintf(head, sizeof head, "Location: /v1/jobs/%s\r\n", w->id);
        body.used = 0;
        buffer_text(&body, "{\"id\":\"");
        buffer_text(&body, w->id);
        buffer_text(&body, "\",\"kind\":\"noop\",\"queue\":\"");
        buffer_text(&body, server.queue);
        buffer_text(&body, "\",\"state\":\"queued\"}");
        if (w->from->descriptor >= 0) {
            answer(w->from, "202 Accepted", head, &body);
            flush(w->from);
        }
        freeReplyObject(reply);
    }
}

static int listen_on(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024))
        fail("port %d: %s", port, strerror(errno));
    return listener;
}

int run_enqueue_serve(void) {
    server.store = queue_connect();
    server.bulk_store = queue_connect();
    server.queue = option("--queue", "default");
    char token[256];
    snprintf(token, sizeof token, "Bearer %s", option("--token", NULL));
    server.token = token;
    server.epoll = epoll_create1(0);
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_on((int)option_number("--port", 0));
    watch(listener, &listener);
    watch(server.store.redis->fd, &server);
    fcntl(server.store.redis->fd, F_SETFL, O_NONBLOCK);
    server.store.redis->flags &= ~REDIS_BLOCK;
    struct epoll_event events[256];
    for (;;) {
        int count = epoll_wait(server.epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            void *what = events[i].data.ptr;
            if (what == &listener) accept_all(listener);
            else if (what == &server) redis_replied();
            else receive(what);
        }
        if (server.calls.used) queue_append(server.store.redis, &server.calls);
        int done = 0;
        while (!done)
            if (redisBufferWrite(server.store.redis, &done) != REDIS_OK) fail("%s", server.store.redis->errstr);
    }
}
