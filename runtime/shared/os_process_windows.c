/* os_process_windows.c - see os.h. */
#include "runtime/shared/os.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <locale.h>
#include <signal.h>
/* Behind windows.h, which they need. */
#include <unistd.h>
#include <windows.h>

#include <ntsecapi.h>
#include <psapi.h>

long os_processors(void)
{
    const DWORD processors = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return processors < 1 ? 1 : (long)processors;
}

long os_own_processors(void)
{
    DWORD_PTR own, all;
    return GetProcessAffinityMask(GetCurrentProcess(), &own, &all) && own ? __builtin_popcountll(own) : os_processors();
}

long os_peak_kib(void)
{
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
    return GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)
               ? (long)(counters.PeakWorkingSetSize >> 10)
               : 0;
}

char *os_own_file(void)
{
    static const char here;
    char path[4 * MAX_PATH];
    HMODULE module;
    if (!GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            &here, &module))
        return NULL;
    const DWORD length = GetModuleFileNameA(module, path, sizeof path);
    return length && length < sizeof path ? os_real_path(path) : NULL;
}

bool os_random(void *bytes, size_t size)
{
    return RtlGenRandom(bytes, (ULONG)size);
}

void os_boot(char *text, size_t size)
{
    if (size) text[0] = '\0';
}

void os_host_name(char *text, size_t size)
{
    DWORD room = (DWORD)size;
    if (!GetComputerNameA(text, &room)) text[0] = '\0';
}

/* ---- Commands ---- */

static void show_colours(DWORD stream)
{
    HANDLE console = GetStdHandle(stream);
    DWORD mode;
    if (GetConsoleMode(console, &mode)) SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

bool os_begin_command(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (_get_osfhandle(fd) == -1 || _setmode(fd, _O_BINARY) < 0) {
            const int nothing =
                open("NUL", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the wrong way round: using it fails */
            if (nothing >= 0 && nothing != fd) close(nothing);
        }
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    SetConsoleOutputCP(CP_UTF8);
    show_colours(STD_OUTPUT_HANDLE);
    show_colours(STD_ERROR_HANDLE);
    return true;
}

/* Once: the C library takes the function away when it is called. */
void os_requests_begin(void (*handler)(int number))
{
    signal(SIGINT, handler);
    signal(SIGTERM, handler);
    signal(SIGBREAK, handler);
}

void os_requests_end(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGBREAK, SIG_DFL);
}

/* ---- Locales ---- */

/* This thread's locale becomes its own with the first call, and stays so. */
void *os_plain_numbers_begin(void)
{
    _configthreadlocale(_ENABLE_PER_THREAD_LOCALE);
    const char *now = setlocale(LC_NUMERIC, NULL);
    char *before = now && strcmp(now, "C") ? strdup(now) : NULL;
    if (before) setlocale(LC_NUMERIC, "C");
    return before;
}

void os_plain_numbers_end(void *before)
{
    if (before) setlocale(LC_NUMERIC, before);
    free(before);
}

/* ---- Libraries ---- */

const char os_library_ending[] = ".dll", os_program_ending[] = ".exe";

static _Thread_local char failure[512];

static void note_failure(void)
{
    const DWORD error = GetLastError();
    if (!FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0, failure,
                        sizeof failure, NULL))
        snprintf(failure, sizeof failure, "error %lu", error);
    for (size_t n = strlen(failure); n && (failure[n - 1] == '\n' || failure[n - 1] == '\r' || failure[n - 1] == '.');)
        failure[--n] = '\0';
}

/* What it needs is looked for in its own folder first. */
void *os_library_open(const char *path, bool global)
{
    char whole[4 * MAX_PATH];
    (void)global; /* symbols are always those of one library here */
    const DWORD length = GetFullPathNameA(path, sizeof whole, whole, NULL);
    HMODULE library =
        length && length < sizeof whole ? LoadLibraryExA(whole, NULL, LOAD_WITH_ALTERED_SEARCH_PATH) : NULL;
    if (!library) note_failure();
    return library;
}

void *os_library_symbol(void *library, const char *name)
{
    FARPROC symbol = GetProcAddress(library, name);
    if (!symbol) note_failure();
    return (void *)(uintptr_t)symbol;
}

void os_library_close(void *library)
{
    FreeLibrary(library);
}

const char *os_library_error(void)
{
    return failure;
}
