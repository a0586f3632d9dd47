/* shutdown.h - releases what a folder keeps until the end of the process, without the lower folders knowing it. */
#ifndef SHUNT_RUNTIME_SHUTDOWN_H
#define SHUNT_RUNTIME_SHUTDOWN_H

/* release is called once by shutdown_release, however often it was given. Thread safe. */
void shutdown_add(void (*release)(void));
/* Calls what was added, the latest first, and forgets it (shunt_shutdown). */
void shutdown_release(void);

#endif
