/* rehearse.c - loads and asks a plugin in a child process first, for one that might crash or hang there. The option
 * "probe" = "isolated" wants it (shunt plugins, devices and doctor do); a child of a process with threads has only the
 * calling one, so it is not the rule. */
#include "runtime/device/device.h"
#include "runtime/device/guard.h"
#include "runtime/device/registry.h"
#include "runtime/base/error.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MILLISECONDS = 60000 };

/* Everything that the registry will do. What fails without a crash will fail again, and be told then. */
static void ask(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL),
         *symbol = library ? dlsym(library, "shunt_backend_entry") : NULL;
    shunt_backend_entry_fn entry;
    if (!symbol) return;
    memcpy(&entry, &symbol, sizeof entry);
    const shunt_backend *table = entry(&shunt_host_services);
    shunt_backend backend;
    char reason[256];
    uint32_t count = 0;
    if (!table || table->size < offsetof(shunt_backend, name) || table->abi_major != SHUNT_ABI_MAJOR) return;
    if (shunt_table_copy_backend(table, &backend, reason, sizeof reason) || backend.probe(&count)) return;
    for (uint32_t i = 0; i < count && i < REGISTRY_DEVICE_LIMIT; i++) {
        shunt_device_info info;
        shunt_status status;
        guard_device_info(&backend, i, sizeof info, &info, &status);
    }
}

static void child(const char *path, int alive)
{
    const struct rlimit none = {0, 0};
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    setrlimit(RLIMIT_CORE, &none);
    for (int stream = 0; nothing >= 0 && stream < 3; stream++) dup2(nothing, stream);
    ask(path);
    close(alive);
    _exit(0);
}

/* False when the child still lives after all that time. */
static bool wait_for_end(int alive)
{
    struct pollfd gone = {.fd = alive, .events = POLLIN};
    int polled;
    do polled = poll(&gone, 1, PATIENCE_MILLISECONDS);
    while (polled < 0 && errno == EINTR);
    return polled != 0;
}

bool shunt_plugin_rehearse(const char *path, char *reason, size_t size)
{
    int ends[2], status = 0;
    reason[0] = 0;
    if (pipe2(ends, O_CLOEXEC)) return true; /* then it is tried without */
    pid_t pid = fork();
    if (pid == 0) child(path, ends[1]);
    close(ends[1]);
    bool ended = pid < 0 || wait_for_end(ends[0]);
    close(ends[0]);
    if (pid < 0) return true;
    if (!ended) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (!ended)
        snprintf(reason, size, "loading it or looking for its devices does not end within %d s",
                 PATIENCE_MILLISECONDS / 1000);
    else if (WIFSIGNALED(status))
        snprintf(reason, size, "loading it or looking for its devices crashes: %s", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        snprintf(reason, size, "loading it or looking for its devices ends the process with exit status %d",
                 WEXITSTATUS(status));
    return reason[0] == 0;
}
