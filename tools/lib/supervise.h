/* supervise.h - long work that may hang or crash, in a child process that reports line by line. */
#ifndef SHUNT_TOOLS_SUPERVISE_H
#define SHUNT_TOOLS_SUPERVISE_H

#include <stdio.h>

typedef enum worker_end {
    WORKER_RETURNED, /* the work did */
    WORKER_CRASHED,  /* a signal, or exit() */
    WORKER_KILLED,   /* by a person, or by a system that is out of memory */
    WORKER_STOPPED,  /* by a signal with which people and systems end programs */
    WORKER_HUNG,     /* a line came too late, so it was killed */
    WORKER_NONE      /* there is no worker, or it could not be killed; the reason was printed */
} worker_end;

typedef struct worker {
    /* In the child: writes its lines (with "\n") to the parent, and flushes each. Returns how it went. */
    int (*work)(void *context, FILE *parent);
    /* In the parent: one line without its end. Returns how many seconds the next one may take; 0: any time. */
    int (*hear)(void *context, const char *line);
    void *context;
} worker;

/* Runs the work to one of those ends. *result: what it returned, or the signal. The process should have no other threads:
 * the child has only the calling one. */
worker_end supervise(const worker *self, int *result);
/* The signal in words. */
const char *supervise_signal(int number);

#endif
