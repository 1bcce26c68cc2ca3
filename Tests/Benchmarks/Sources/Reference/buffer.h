// Bytes that grow, and Redis commands written into them.
#pragma once
#include <stddef.h>

typedef struct {
    char *bytes;
    size_t used, room;
} buffer;

void buffer_add(buffer *b, const void *bytes, size_t count);
void buffer_text(buffer *b, const char *text);
void buffer_number(buffer *b, long long value);
void buffer_free(buffer *b);

// A command of so many words; exactly as many words must follow.
void command_begin(buffer *b, long words);
void command_bytes(buffer *b, const char *bytes, size_t count);
void command_text(buffer *b, const char *text);
void command_number(buffer *b, long long value);
