/* child_windows.c - see child.h. The answers come through standard output. A job object holds the child and what it starts. */
#include "runtime/shared/child.h"
#include "runtime/shared/os.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <unistd.h>
#include <windows.h>

static const DWORD first_fault = 0x80000000; /* exit statuses from there on are those of exceptions */

/* ---- Starting it ---- */

/* Paths and numbers: no argument has a quotation mark, or ends in a backslash. */
static char *command_line(char *const arguments[])
{
    size_t chars = 1;
    for (char *const *at = arguments; *at; at++) chars += strlen(*at) + 3;
    char *line = malloc(chars), *end = line;
    for (char *const *at = arguments; line && *at; at++) end += sprintf(end, "%s\"%s\"", end == line ? "" : " ", *at);
    return line;
}

/* "NAME=value" one after another, each with its zero byte, and one more. */
static char *environment_block(char *const environment[])
{
    size_t chars = 1;
    for (char *const *at = environment; *at; at++) chars += strlen(*at) + 1;
    char *block = malloc(chars + 1), *end = block;
    for (char *const *at = environment; block && *at; at++) end = stpcpy(end, *at) + 1;
    if (end) end[0] = end[1] = '\0';
    return block;
}

static HANDLE open_nothing(void)
{
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    return CreateFileA("NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited,
                       OPEN_EXISTING, 0, NULL);
}

static HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags =
                                                       JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE |
                                                       JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION};
    HANDLE job = CreateJobObjectA(NULL, NULL);
    if (job) SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    return job;
}

/* The child gets these two handles and no others. */
static bool create(char *line, char *block, HANDLE *handles, PROCESS_INFORMATION *out)
{
    STARTUPINFOEXA start = {.StartupInfo = {.cb = sizeof start,
                                            .dwFlags = STARTF_USESTDHANDLES,
                                            .hStdInput = handles[0],
                                            .hStdOutput = handles[1],
                                            .hStdError = handles[0]}};
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    start.lpAttributeList = malloc(size);
    bool made = start.lpAttributeList && InitializeProcThreadAttributeList(start.lpAttributeList, 1, 0, &size);
    if (made) {
        made = UpdateProcThreadAttribute(start.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles,
                                         2 * sizeof *handles, NULL, NULL) &&
               CreateProcessA(NULL, line, NULL, NULL, TRUE,
                              CREATE_SUSPENDED | CREATE_NO_WINDOW | EXTENDED_STARTUPINFO_PRESENT, block, NULL,
                              &start.StartupInfo, out);
        DeleteProcThreadAttributeList(start.lpAttributeList);
    }
    free(start.lpAttributeList);
    return made;
}

static int start_in_job(child *self, char *line, char *block, HANDLE *handles)
{
    PROCESS_INFORMATION made;
    HANDLE job = make_job();
    if (!create(line, block, handles, &made)) {
        if (job) CloseHandle(job);
        return EIO;
    }
    if (job) AssignProcessToJobObject(job, made.hProcess);
    ResumeThread(made.hThread);
    CloseHandle(made.hThread);
    self->process = (intptr_t)made.hProcess;
    self->group = (intptr_t)job;
    return 0;
}

int child_start(child *self, char *const arguments[], char *const environment[])
{
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    HANDLE reading, writing, nothing = open_nothing();
    *self = (child){.answers = -1};
    if (nothing == INVALID_HANDLE_VALUE) return EIO;
    if (!CreatePipe(&reading, &writing, &inherited, 0)) {
        CloseHandle(nothing);
        return EIO;
    }
    SetHandleInformation(reading, HANDLE_FLAG_INHERIT, 0);
    char *line = command_line(arguments), *block = environment_block(environment);
    int error = line && block ? start_in_job(self, line, block, (HANDLE[]){nothing, writing}) : ENOMEM;
    free(block);
    free(line);
    CloseHandle(writing);
    CloseHandle(nothing);
    if (error) CloseHandle(reading);
    if (!error) self->answers = (intptr_t)reading;
    return error;
}

/* ---- Its answers and its end ---- */

static void take(child *self, char *text, size_t *used, size_t size)
{
    DWORD there = 0, n = 0;
    while (self->answers != -1 && *used < size - 1) {
        if (!PeekNamedPipe((HANDLE)self->answers, NULL, 0, NULL, &there, NULL)) {
            CloseHandle((HANDLE)self->answers);
            self->answers = -1;
        }
        if (self->answers == -1 || !there) break;
        if (!ReadFile((HANDLE)self->answers, text + *used, (DWORD)(size - 1 - *used), &n, NULL) || !n) break;
        *used += n;
    }
    text[*used] = '\0';
}

void child_listen(child *self, int milliseconds, char *text, size_t *used, size_t size)
{
    self->ended = WaitForSingleObject((HANDLE)self->process, (DWORD)milliseconds) == WAIT_OBJECT_0;
    take(self, text, used, size);
}

void child_end(child *self, char *how, size_t size)
{
    DWORD status = 0;
    if (!self->ended) TerminateProcess((HANDLE)self->process, 1);
    WaitForSingleObject((HANDLE)self->process, INFINITE);
    GetExitCodeProcess((HANDLE)self->process, &status);
    if (self->group) CloseHandle((HANDLE)self->group); /* ends what it started */
    CloseHandle((HANDLE)self->process);
    if (self->answers != -1) CloseHandle((HANDLE)self->answers);
    self->answers = -1;
    if (status >= first_fault)
        snprintf(how, size, "crashes: exception 0x%08lx", status);
    else
        snprintf(how, size, "ends the process with exit status %lu", status);
}

/* ---- In the child ---- */

static int answer_to = -1;

static DWORD WINAPI end_after(void *seconds)
{
    Sleep(1000 * (DWORD)(uintptr_t)seconds);
    TerminateProcess(GetCurrentProcess(), 1);
    return 0;
}

/* What a driver prints must not be taken for an answer. The parent's end is that of the job. */
void child_confine(unsigned seconds)
{
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    answer_to = os_duplicate(STDOUT_FILENO);
    const int nothing = open("NUL", O_RDWR | O_CLOEXEC);
    if (nothing >= 0) _dup2(nothing, STDOUT_FILENO);
    HANDLE thread = CreateThread(NULL, 0, end_after, (void *)(uintptr_t)seconds, 0, NULL);
    if (thread) CloseHandle(thread);
}

bool child_answer(const char *text)
{
    const size_t n = strlen(text);
    return write(answer_to, text, (unsigned)n) == (int)n;
}

void child_leave(int status)
{
    TerminateProcess(GetCurrentProcess(), (UINT)status);
    _exit(status); /* not reached */
}
