/* lock.h - one writer in a folder of results. */
#ifndef SHUNT_RUNTIME_LOCK_H
#define SHUNT_RUNTIME_LOCK_H

/* A descriptor that keeps others out of the folder until folder_unlock, or until the process ends in any way; it does not wait. -1 with
 * errno set: EWOULDBLOCK where another one has it. The file FOLDER/.lock is there meanwhile; one that a killed process left does no harm. */
int folder_lock(const char *folder);
/* Removes the file, and closes the descriptor; -1 is allowed. */
void folder_unlock(const char *folder, int fd);

#endif
