#define _GNU_SOURCE
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_named(const char *line, size_t count, const char *name) {
    size_t size = strlen(name);
    return count > size && line[size] == ':' && !strncasecmp(line, name, size);
}

static bool has_value(const char *line, size_t count, const char *name, const char *value) {
    size_t at = strlen(name) + 1, size = strlen(value);
    while (at < count && line[at] == ' ') at++;
    return count - at >= size && !memcmp(line + at, value, size);
}

http_state http_read(const char *bytes, size_t count, const char *token, http_message *out) {
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) return count > 16384 ? http_wrong : http_incomplete;
    *out = (http_message){.start_line = bytes, .body = end + 4};
    const char *line = memchr(bytes, '\r', end + 1 - bytes);
    out->start_size = line - bytes;
    while (line < end) {
        line += 2;
        const char *next = memchr(line, '\r', end + 1 - line);
        size_t size = next - line;
        if (is_named(line, size, "content-length"))
            out->body_size = strtoul(line + 15, NULL, 10);
        else if (is_named(line, size, "transfer-encoding"))
            return http_wrong;
        else if (is_named(line, size, "content-type")) {
            out->is_json = has_value(line, size, "content-type", "application/json");
            out->is_lines = has_value(line, size, "content-type", "application/x-ndjson");
        } else if (token && is_named(line, size, "authorization"))
            out->has_token = has_value(line, size, "authorization", token);
        line = next;
    }
    out->size = end + 4 - bytes + out->body_size;
    return count >= out->size ? http_complete : http_incomplete;
}

static const char *after_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

// Behind the string that begins at `at`; NULL if it does not end.
static const char *after_string(const char *at, const char *end) {
    if (at >= end || *at != '"') return NULL;
    for (at++; at < end; at++) {
        if (*at == '"') return at + 1;
        if (*at == '\\') at++;
        else if ((unsigned char)*at < 0x20) return NULL;
    }
    return NULL;
}

// Behind the object that begins at `at`; strings and brackets are followed, the rest is passed over.
static const char *after_object(const char *at, const char *end) {
    if (at >= end || *at != '{') return NULL;
    char open[64];
    int depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = after_string(at, end);
            if (!at) return NULL;
            continue;
        }
        if (c == '{' || c == '[') {
            if (depth == 64) return NULL;
            open[depth++] = c;
        } else if (c == '}' || c == ']') {
            if (!depth || open[--depth] != (c == '}' ? '{' : '[')) return NULL;
            if (!depth) return at + 1;
        }
        at++;
    }
    return NULL;
}

bool job_request_read(const char *text, size_t count, job_request *out) {
    const char *end = text + count, *at = after_space(text, end);
    *out = (job_request){.args = "{}", .args_size = 2};
    if (at >= end || *at++ != '{') return false;
    for (;;) {
        at = after_space(at, end);
        const char *name = at;
        at = after_string(at, end);
        if (!at) return false;
        size_t name_size = at - name - 2;
        at = after_space(at, end);
        if (at >= end || *at++ != ':') return false;
        at = after_space(at, end);
        const char *value = at;
        if (name_size == 4 && !memcmp(name + 1, "kind", 4)) {
            at = after_string(at, end);
            if (!at) return false;
            out->kind = value + 1;
            out->kind_size = at - value - 2;
        } else if (name_size == 4 && !memcmp(name + 1, "args", 4)) {
            at = after_object(at, end);
            if (!at) return false;
            out->args = value;
            out->args_size = at - value;
        } else
            return false;
        at = after_space(at, end);
        if (at >= end) return false;
        if (*at == '}') return out->kind && after_space(at + 1, end) == end;
        if (*at++ != ',') return false;
    }
}
