/* sweep.h - temporary files of writers that were killed. */
#ifndef SHUNT_RUNTIME_SWEEP_H
#define SHUNT_RUNTIME_SWEEP_H

/* The name of a temporary file: the final file's name, then this, the writer's process and a number. */
#define TEMPORARY_MARK ".tmp-"

/* Marks an open temporary file as being written, for as long as it is open. */
void sweep_spare(int fd);

/* Removes from the folder the temporary files of `name` (NULL: of every file), unless somebody has them open for writing, or
 * they changed within the last ten minutes. What cannot be looked at or removed stays. */
void sweep_temporaries(const char *folder, const char *name);

#endif
