// One PostgreSQL session in pipeline mode: statements are sent ahead, results are read in order.
#pragma once
#include <postgresql/libpq-fe.h>

#include "buffer.h"

PGconn *postgres_connect(const char *conninfo);
void postgres_prepare(PGconn *session, const char *name, const char *text);
void postgres_send(PGconn *session, const char *name, int count, const char *const *values);
// What was sent goes out, and results come back up to here.
void postgres_sync(PGconn *session);
// The next statement's result; an error ends the program.
PGresult *postgres_result(PGconn *session);
// The next statement's number of changed rows.
long postgres_affected(PGconn *session);
// After the last result before a postgres_sync.
void postgres_synced(PGconn *session);

// An array's literal, `{1,2,NULL}`.
void array_begin(buffer *b);
void array_number(buffer *b, long long value);
void array_null(buffer *b);
// Quoted, with quotes and backslashes escaped.
void array_text(buffer *b, const char *text);
const char *array_end(buffer *b);
