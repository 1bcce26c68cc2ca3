#include "postgres.h"

#include <stdlib.h>
#include <string.h>

#include "program.h"

PGconn *postgres_connect(const char *conninfo) {
    PGconn *session = PQconnectdb(conninfo);
    if (PQstatus(session) != CONNECTION_OK) fail("%s", PQerrorMessage(session));
    // As the product's sessions have it.
    PQclear(PQexec(session, "SET jit = off"));
    return session;
}

void postgres_prepare(PGconn *session, const char *name, const char *text) {
    PGresult *result = PQprepare(session, name, text, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail("%s: %s", name, PQerrorMessage(session));
    PQclear(result);
}

void postgres_send(PGconn *session, const char *name, int count, const char *const *values) {
    if (!PQsendQueryPrepared(session, name, count, values, NULL, NULL, 0)) fail("%s: %s", name, PQerrorMessage(session));
}

void postgres_sync(PGconn *session) {
    if (!PQpipelineSync(session)) fail("sync: %s", PQerrorMessage(session));
}

PGresult *postgres_result(PGconn *session) {
    PGresult *result = PQgetResult(session);
    ExecStatusType status = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail("PostgreSQL: %s%s", PQresStatus(status), result ? PQresultErrorMessage(result) : "");
    // Each statement's results end with none.
    PGresult *end = PQgetResult(session);
    if (end) fail("a statement with two results");
    return result;
}

long postgres_affected(PGconn *session) {
    PGresult *result = postgres_result(session);
    long count = atol(PQcmdTuples(result));
    PQclear(result);
    return count;
}

void postgres_synced(PGconn *session) {
    PGresult *result = PQgetResult(session);
    if (!result || PQresultStatus(result) != PGRES_PIPELINE_SYNC) fail("no sync: %s", PQerrorMessage(session));
    PQclear(result);
}

void array_begin(buffer *b) {
    b->used = 0;
    buffer_add(b, "{", 1);
}

static void comma(buffer *b) {
    if (b->used > 1) buffer_add(b, ",", 1);
}

void array_number(buffer *b, long long value) {
    comma(b);
    buffer_number(b, value);
}

void array_null(buffer *b) {
    comma(b);
    buffer_text(b, "NULL");
}

void array_text(buffer *b, const char *text) {
    comma(b);
    buffer_add(b, "\"", 1);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') buffer_add(b, "\\", 1);
        buffer_add(b, c, 1);
    }
    buffer_add(b, "\"", 1);
}

const char *array_end(buffer *b) {
    buffer_add(b, "}", 2);
    return b->bytes;
}
