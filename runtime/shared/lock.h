/* lock.h - one writer in a folder of results. */
#ifndef SHUNT_RUNTIME_LOCK_H
#define SHUNT_RUNTIME_LOCK_H

/* A descriptor that keeps others out of the folder until it is closed, or the process ends in any way; it does not wait. -1 with errno
 * set: EWOULDBLOCK where another one has it. The file FOLDER/.lock stays: who removes it may let two in. */
int folder_lock(const char *folder);

#endif
