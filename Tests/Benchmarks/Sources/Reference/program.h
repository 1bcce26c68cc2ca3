// What every subcommand needs: options, time, the end with a message.
#pragma once
#include <stdint.h>

// Value of `--name VALUE`, or the default; without a default the program ends.
const char *option(const char *name, const char *otherwise);
long option_number(const char *name, long otherwise);

// CLOCK_MONOTONIC.
int64_t now_ns(void);
double seconds_since(int64_t start);
// CPU time of this process, user and system.
double cpu_seconds(void);
// 0 to 2^64 - 1, of a generator seeded once.
uint64_t chance(void);

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

int run_fill(void);
int run_watch(void);
int run_drain(void);
int run_enqueue_serve(void);
int run_enqueue_load(void);
int run_latency_serve(void);
int run_latency_send(void);
int run_assign(void);
