/* fork.h - children made by fork(). A child lacks the threads that drivers and OpenMP have started, and hangs if it waits for them.
 * If the process has other threads than before its first use of a device or a plugin, its children refuse to use devices: their
 * own as well as those that they got from the parent, which can still be closed. */
#ifndef SHUNT_RUNTIME_FORK_H
#define SHUNT_RUNTIME_FORK_H

#include "runtime/device/device.h"

/* Threads that exist now belong to the application; later ones may belong to a driver. Only the first call counts. */
void fork_watch(void);

/* SHUNT_E_UNSUPPORTED with a message in a child that lacks threads, else SHUNT_OK. Takes no lock. */
shunt_status fork_check(void);

/* Between these two a child finds the device disabled: each call fails with the message above, and freeing does nothing. */
void fork_device_opened(shunt_device *device);
void fork_device_closed(shunt_device *device);

#endif
