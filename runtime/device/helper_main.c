/* helper_main.c - the program shunt-probe PLUGIN SECONDS: loads a plugin and asks for its devices, as the library will do.
 * helper.c starts it, and is told here what it says and where. */
#include "runtime/device/device.h"
#include "runtime/device/guard.h"
#include "runtime/device/helper.h"
#include "runtime/device/registry.h"
#include "runtime/shared/child.h"
#include "runtime/shared/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does everything that the registry will do. An error without a crash is ignored: the registry gets it again and reports it. */
static void ask(const char *path)
{
    void *library = os_library_open(path, false),
         *symbol = library ? os_library_symbol(library, "shunt_backend_entry") : NULL;
    shunt_backend_entry_fn entry;
    if (!symbol) return;
    memcpy(&entry, &symbol, sizeof entry);
    const shunt_backend *table = entry(&device_host_services);
    shunt_backend backend;
    char reason[256];
    uint32_t count = 0;
    if (!table || table->size < offsetof(shunt_backend, name) || table->abi_major != SHUNT_ABI_MAJOR) return;
    if (table_copy_backend(table, &backend, reason, sizeof reason) || backend.probe(&count)) return;
    for (uint32_t i = 0; i < count && i < REGISTRY_DEVICE_LIMIT; i++) {
        shunt_device_info info;
        shunt_status status;
        guard_device_info(&backend, i, sizeof info, &info, &status);
    }
}

static void say(const char *text)
{
    if (!child_answer(text)) child_leave(3);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: shunt-probe PLUGIN SECONDS; libshunt runs it\n", stderr);
        return 2;
    }
    child_confine((unsigned)strtoul(argv[2], NULL, 10) + 1); /* it must not outlive the process that waits for it */
    say(HELPER_GREETING);
    ask(argv[1]);
    say(HELPER_DONE);
    child_leave(0);
}
