/* null.h - what the calls that null_calls.py writes stand on. */
#ifndef SHUNT_TESTS_NULL_H
#define SHUNT_TESTS_NULL_H

#include <setjmp.h>
#include <shunt/graph.h>
#include <shunt/look.h>
#include <shunt/shunt.h>
#include <shunt/train.h>

/* A good argument for a parameter of this type. */
void *valid(const char *type, const char *name);
#define VALID(type, name) valid(#type, #name)

/* Makes one call. A crash in it comes back here and is counted. needed: the NULL must be refused as invalid. */
extern sigjmp_buf back;
void begin_call(const char *function, const char *nulls);
void end_call(int needed, shunt_status status);
#define TRY(function, nulls, needed, call)                                                                             \
    do {                                                                                                               \
        begin_call(function, nulls);                                                                                   \
        if (!sigsetjmp(back, 1)) end_call(needed, call);                                                               \
    } while (0)

void call_all(void);

#endif
