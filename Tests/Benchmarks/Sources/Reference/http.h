// As much of HTTP/1.1 and JSON as one kind of request needs, read by hand.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

// A whole message at the start of some bytes.
typedef struct {
    const char *start_line;
    size_t start_size;
    const char *body;
    size_t body_size;
    // Head and body.
    size_t size;
    bool is_json, is_lines, has_token;
} http_message;

typedef enum { http_incomplete, http_complete, http_wrong } http_state;

// `token` may be NULL: then no header is asked for one.
http_state http_read(const char *bytes, size_t count, const char *token, http_message *out);

// What a request for a job says. Bytes of the body.
typedef struct {
    const char *kind, *args;
    size_t kind_size, args_size;
} job_request;

// One JSON object with `kind` and perhaps `args` (an object); false for anything else.
bool job_request_read(const char *text, size_t count, job_request *out);
