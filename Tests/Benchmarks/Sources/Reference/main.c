// The reference: what a C program at its honest best makes of the product's own scripts, tables and durability.
// Each subcommand does one work and prints one line of JSON.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

static int count;
static char **words;

const char *option(const char *name, const char *otherwise) {
    for (int i = 2; i + 1 < count; i++)
        if (!strcmp(words[i], name)) return words[i + 1];
    if (!otherwise) fail("%s is missing", name);
    return otherwise;
}

long option_number(const char *name, long otherwise) {
    const char *text = option(name, "");
    return *text ? strtol(text, NULL, 10) : otherwise;
}

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

double seconds_since(int64_t start) { return (double)(now_ns() - start) / 1e9; }

double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

uint64_t chance(void) {
    static uint64_t state;
    if (!state) state = (uint64_t)now_ns() ^ (uint64_t)getpid() << 32;
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "reference: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(void);
    } works[] = {
        {"fill", run_fill},
        {"watch", run_watch},
        {"drain", run_drain},
        {"enqueue-serve", run_enqueue_serve},
        {"enqueue-load", run_enqueue_load},
        {"latency-serve", run_latency_serve},
        {"latency-send", run_latency_send},
        {"assign", run_assign},
    };
    count = argc;
    words = argv;
    for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++)
        if (!strcmp(argv[1], works[i].name)) return works[i].run();
    fail("usage: Reference WORK --redis SOCKET …");
}
