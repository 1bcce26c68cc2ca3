#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "program.h"

static void reserve(buffer *b, size_t count) {
    if (b->used + count <= b->room) return;
    b->room = (b->used + count) * 2;
    b->bytes = realloc(b->bytes, b->room);
    if (!b->bytes) fail("no memory");
}

void buffer_add(buffer *b, const void *bytes, size_t count) {
    reserve(b, count);
    memcpy(b->bytes + b->used, bytes, count);
    b->used += count;
}

void buffer_text(buffer *b, const char *text) { buffer_add(b, text, strlen(text)); }

static size_t digits_of(char out[24], long long value) {
    char reversed[24];
    size_t count = 0, size = 0;
    unsigned long long rest = value < 0 ? -(unsigned long long)value : (unsigned long long)value;
    do reversed[count++] = '0' + rest % 10;
    while (rest /= 10);
    if (value < 0) out[size++] = '-';
    while (count) out[size++] = reversed[--count];
    return size;
}

void buffer_number(buffer *b, long long value) {
    char digits[24];
    buffer_add(b, digits, digits_of(digits, value));
}

void buffer_free(buffer *b) {
    free(b->bytes);
    *b = (buffer){0};
}

void command_begin(buffer *b, long words) {
    buffer_add(b, "*", 1);
    buffer_number(b, words);
    buffer_add(b, "\r\n", 2);
}

void command_bytes(buffer *b, const char *bytes, size_t count) {
    buffer_add(b, "$", 1);
    buffer_number(b, (long long)count);
    buffer_add(b, "\r\n", 2);
    buffer_add(b, bytes, count);
    buffer_add(b, "\r\n", 2);
}

void command_text(buffer *b, const char *text) { command_bytes(b, text, strlen(text)); }

void command_number(buffer *b, long long value) {
    char digits[24];
    command_bytes(b, digits, digits_of(digits, value));
}
