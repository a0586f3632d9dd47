/* os_process_posix.c - see os.h. */
#include "runtime/shared/os.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

long os_processors(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors;
}

long os_own_processors(void)
{
    cpu_set_t bound;
    return sched_getaffinity(0, sizeof bound, &bound) ? os_processors() : CPU_COUNT(&bound);
}

long os_peak_kib(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

char *os_own_file(void)
{
    static const char here;
    Dl_info about;
    return dladdr(&here, &about) && about.dli_fname ? realpath(about.dli_fname, NULL) : NULL;
}

bool os_random(void *bytes, size_t size)
{
    return getrandom(bytes, size, 0) == (ssize_t)size;
}

void os_boot(char *text, size_t size)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, size - 1) : 0;
    if (fd >= 0) close(fd);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

void os_host_name(char *text, size_t size)
{
    if (gethostname(text, size)) text[0] = '\0';
    text[size - 1] = '\0';
}

/* ---- Commands ---- */

/* A closed descriptor is opened the wrong way round, so that using it still fails. */
bool os_begin_command(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
    signal(SIGXFSZ, SIG_IGN);
    return true;
}

static struct sigaction hang_up;

/* Of SIGHUP, two may come when a terminal is closed. One that is ignored, as nohup has it, stays so. */
void os_requests_begin(void (*handler)(int number))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_flags = 0;
    sigaction(SIGHUP, NULL, &hang_up);
    if (hang_up.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
}

void os_requests_end(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigaction(SIGHUP, &hang_up, NULL);
}

/* ---- Locales ---- */

/* Without memory for it the number is written in the application's locale, as it would be without us. */
void *os_plain_numbers_begin(void)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return plain ? uselocale(plain) : NULL;
}

void os_plain_numbers_end(void *before)
{
    if (before) freelocale(uselocale(before));
}

/* ---- Libraries ---- */

const char os_library_ending[] = ".so", os_program_ending[] = "";

void *os_library_open(const char *path, bool global)
{
    return dlopen(path, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
}

void *os_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void os_library_close(void *library)
{
    dlclose(library);
}

const char *os_library_error(void)
{
    const char *error = dlerror();
    return error ? error : "unknown error";
}
