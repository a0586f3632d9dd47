/* lock.h - a lock, so that only one program at a time writes into a folder of results. */
#ifndef SHUNT_RUNTIME_LOCK_H
#define SHUNT_RUNTIME_LOCK_H

/* Locks the folder, without waiting, until folder_unlock or the end of the process. Returns a descriptor, or -1 with errno set:
 * EWOULDBLOCK if another process has the lock. The file FOLDER/.lock exists meanwhile; one that a killed process left does no harm. */
int folder_lock(const char *folder);
/* Removes the file, and closes the descriptor; -1 is allowed. */
void folder_unlock(const char *folder, int fd);

#endif
