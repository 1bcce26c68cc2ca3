// enqueue-load: sends --jobs requests over --connections, the next one when the last is answered; every answer must be
// 202. With --bulk LINES each request carries so many lines, and --jobs counts lines.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "program.h"

typedef struct {
    int descriptor;
    buffer in;
} client;

static buffer request;

static void make_request(long lines) {
    const char *line = "{\"kind\":\"noop\",\"args\":{}}";
    size_t body = lines ? (strlen(line) + 1) * lines : strlen(line);
    char head[1024];
    snprintf(head, sizeof head,
             "POST /v1/jobs%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n"
             "Content-Length: %zu\r\n\r\n",
             lines ? "/bulk" : "", option("--token", NULL), lines ? "application/x-ndjson" : "application/json", body);
    buffer_text(&request, head);
    if (!lines) buffer_text(&request, line);
    for (long i = 0; i < lines; i++) {
        buffer_text(&request, line);
        buffer_text(&request, "\n");
    }
}

static void connect_to(client *c, int epoll, int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->descriptor, (struct sockaddr *)&address, sizeof address)) fail("port %d: %s", port, strerror(errno));
    int on = 1;
    setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->descriptor, &event);
}

static void send_request(client *c) {
    for (size_t sent = 0; sent < request.used;) {
        ssize_t count = write(c->descriptor, request.bytes + sent, request.used - sent);
        if (count < 0) fail("write: %s", strerror(errno));
        sent += count;
    }
}

// True when a whole answer was there.
static int receive(client *c) {
    char bytes[65536];
    ssize_t count = read(c->descriptor, bytes, sizeof bytes);
    if (count <= 0) fail("the server closed a connection");
    buffer_add(&c->in, bytes, count);
    http_message answer;
    switch (http_read(c->in.bytes, c->in.used, NULL, &answer)) {
    case http_wrong: fail("this answer is not understood: %.*s", (int)c->in.used, c->in.bytes);
    case http_incomplete: return 0;
    case http_complete: break;
    }
    if (answer.start_size < 12 || memcmp(answer.start_line + 9, "202", 3))
        fail("not accepted: %.*s", (int)(answer.size < 1000 ? answer.size : 1000), c->in.bytes);
    if (answer.size != c->in.used) fail("more bytes than one answer");
    c->in.used = 0;
    return 1;
}

int run_enqueue_load(void) {
    long lines = option_number("--bulk", 0), jobs = option_number("--jobs", 1);
    long requests = lines ? (jobs + lines - 1) / lines : jobs;
    long connections = option_number("--connections", 32);
    if (connections > requests) connections = requests;
    int epoll = epoll_create1(0), port = (int)option_number("--port", 0);
    make_request(lines);
    client *clients = calloc(connections, sizeof *clients);
    for (long i = 0; i < connections; i++) connect_to(&clients[i], epoll, port);
    // One request each that does not count: what a server does first is not what it does always.
    for (long i = 0; i < connections; i++) {
        send_request(&clients[i]);
        while (!receive(&clients[i])) {}
    }
    int64_t start = now_ns();
    long sent = 0, answered = 0;
    for (; sent < connections; sent++) send_request(&clients[sent]);
    struct epoll_event events[256];
    while (answered < requests) {
        int count = epoll_wait(epoll, events, 256, 30000);
        if (count <= 0) fail("no answer for 30 s after %ld of %ld requests", answered, requests);
        for (int i = 0; i < count; i++) {
            client *c = events[i].data.ptr;
            if (!receive(c)) continue;
            answered++;
            if (sent < requests) {
                sent++;
                send_request(c);
            }
        }
    }
    double took = seconds_since(start);
    long done = lines ? requests * lines : requests;
    printf("{\"jobs\":%ld,\"seconds\":%.6f,\"per_second\":%.1f,\"cpu_seconds\":%.3f}\n", done, took, done / took,
           cpu_seconds());
    return 0;
}
