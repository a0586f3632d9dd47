/* fork_windows.c - see fork.h. There is no fork() here. */
#include "runtime/device/fork.h"

void fork_watch(void)
{
}

shunt_status fork_check(void)
{
    return SHUNT_OK;
}

void fork_device_opened(shunt_device *device)
{
    (void)device;
}

void fork_device_closed(shunt_device *device)
{
    (void)device;
}
