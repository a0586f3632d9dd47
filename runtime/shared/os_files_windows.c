/* os_files_windows.c - see os.h. Programs say in their manifest that they take text as UTF-8 (tools/cross/shunt.manifest), so the
 * functions for narrow paths do. */
#include "runtime/shared/os.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <sys/utime.h>
#include <unistd.h>
#include <windows.h>

/* ---- Paths ---- */

const char os_list_divider[] = ";", os_slashes[] = "/\\";
const os_cache_place os_cache_places[] = {{"XDG_CACHE_HOME", "shunt"}, {"LOCALAPPDATA", "shunt/cache"}, {NULL, NULL}};

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

bool os_is_absolute(const char *path)
{
    return is_slash(path[0]) || (isalpha((unsigned char)path[0]) && path[1] == ':');
}

char *os_last_slash(const char *path)
{
    const char *last = NULL;
    for (const char *c = path; *c; c++)
        if (is_slash(*c)) last = c;
    return (char *)(uintptr_t)last;
}

static HANDLE open_to_look(const char *path)
{
    return CreateFileA(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

/* "\\?\C:\folder" as "C:/folder", "\\?\UNC\server\share" as "//server/share". */
static char *usual_form(const char *path)
{
    char *copy = NULL;
    if (!strncmp(path, "\\\\?\\UNC\\", 8)) {
        if (asprintf(&copy, "//%s", path + 8) < 0) return NULL;
    } else {
        copy = strdup(strncmp(path, "\\\\?\\", 4) ? path : path + 4);
    }
    for (char *c = copy; c && *c; c++)
        if (*c == '\\') *c = '/';
    return copy;
}

char *os_real_path(const char *path)
{
    HANDLE file = open_to_look(path);
    if (file == INVALID_HANDLE_VALUE) {
        errno = ENOENT;
        return NULL;
    }
    DWORD size = GetFinalPathNameByHandleA(file, NULL, 0, FILE_NAME_NORMALIZED);
    char *text = size ? calloc(1, (size_t)size + 1) : NULL, *found = NULL;
    if (text && GetFinalPathNameByHandleA(file, text, size + 1, FILE_NAME_NORMALIZED)) found = usual_form(text);
    if (!found) errno = text ? EACCES : ENOMEM;
    free(text);
    CloseHandle(file);
    return found;
}

/* ---- Open files ---- */

static HANDLE handle_of(int fd)
{
    return (HANDLE)_get_osfhandle(fd);
}

int os_stat(const char *path, struct stat *about)
{
    size_t n = strlen(path);
    while (n > 1 && is_slash(path[n - 1]) && path[n - 2] != ':') n--;
    char *trimmed = strndup(path, n);
    const int result = trimmed ? stat(trimmed, about) : -1;
    free(trimmed);
    return result;
}

FILE *os_read_text(const char *path)
{
    return fopen(path, "rb");
}

int os_make_folder(const char *path, unsigned mode)
{
    const bool drive = isalpha((unsigned char)path[0]) && path[1] == ':' && !path[2];
    (void)mode;
    return !drive && mkdir(path) ? errno : 0;
}

int os_duplicate(int fd)
{
    const int copy = _dup(fd);
    if (copy >= 0) _setmode(copy, _O_BINARY);
    return copy;
}

/* Locked bytes cannot be read or written by others, so one is taken that no file has. */
static OVERLAPPED byte_at(unsigned low, unsigned high)
{
    return (OVERLAPPED){.Offset = low, .OffsetHigh = high};
}

static bool lock_at(int fd, OVERLAPPED byte)
{
    if (LockFileEx(handle_of(fd), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &byte)) return true;
    const DWORD error = GetLastError();
    errno = error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? EWOULDBLOCK : EIO;
    return false;
}

bool os_lock(int fd)
{
    return lock_at(fd, byte_at(0, 0x7fffffff));
}

bool os_lock_byte(int fd, unsigned number)
{
    return lock_at(fd, byte_at(number, 0));
}

bool os_byte_is_locked(int fd, unsigned number)
{
    OVERLAPPED byte = byte_at(number, 0);
    if (!lock_at(fd, byte)) return errno == EWOULDBLOCK;
    UnlockFileEx(handle_of(fd), 0, 1, 0, &byte);
    return false;
}

static bool identify(HANDLE file, uint64_t *system, uint64_t *number)
{
    BY_HANDLE_FILE_INFORMATION about;
    if (!GetFileInformationByHandle(file, &about)) return false;
    *system = about.dwVolumeSerialNumber;
    *number = (uint64_t)about.nFileIndexHigh << 32 | about.nFileIndexLow;
    return true;
}

bool os_identify(int fd, uint64_t *system, uint64_t *file)
{
    if (identify(handle_of(fd), system, file)) return true;
    errno = EIO;
    return false;
}

bool os_stands_at(int fd, const char *path)
{
    uint64_t held[2], there[2];
    HANDLE file = open_to_look(path);
    if (file == INVALID_HANDLE_VALUE) return false;
    bool same = os_identify(fd, &held[0], &held[1]) && identify(file, &there[0], &there[1]) && held[0] == there[0] &&
                held[1] == there[1];
    CloseHandle(file);
    return same;
}

/* An open file cannot be removed: if another process has opened it meanwhile, it stays. */
void os_remove_open(int fd, const char *path)
{
    close(fd);
    unlink(path);
}

bool os_sync(int fd)
{
    return _commit(fd) == 0;
}

int64_t os_modified(const struct stat *about)
{
    return (int64_t)about->st_mtime * 1000000000;
}

void os_touch(const char *path)
{
    (void)!_utime(path, NULL);
}

int os_nameless_file(void)
{
    char folder[MAX_PATH + 1], name[MAX_PATH + 1];
    if (!GetTempPathA(sizeof folder, folder) || !GetTempFileNameA(folder, "shu", 0, name)) {
        errno = EIO;
        return -1;
    }
    HANDLE file = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_DELETE, NULL, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        errno = EIO;
        return -1;
    }
    return _open_osfhandle((intptr_t)file, _O_RDWR | _O_BINARY);
}

FILE *os_temporary(void)
{
    const int fd = os_nameless_file();
    return fd < 0 ? NULL : fdopen(fd, "w+b");
}

bool os_is_pipe(int fd, const struct stat *about)
{
    (void)fd, (void)about;
    return false;
}

void os_wait_readable(int fd)
{
    (void)fd; /* reading waits */
}

/* A new file has the rights of its folder, which in a user's profile is the user's alone. */
void os_deny_others(int fd)
{
    (void)fd;
}

/* ---- Text ---- */

void os_text_begin(os_text *self)
{
    *self = (os_text){.to = os_temporary()};
}

static bool read_back(os_text *self)
{
    const long length = fflush(self->to) || ferror(self->to) || fseek(self->to, 0, SEEK_END) ? -1 : ftell(self->to);
    if (length < 0) return false;
    rewind(self->to);
    self->size = (size_t)length;
    self->text = calloc(1, self->size + 1);
    return self->text && fread(self->text, 1, self->size, self->to) == self->size;
}

char *os_text_end(os_text *self, size_t *size)
{
    const bool whole = self->to && read_back(self);
    char *text = self->text;
    if (self->to) fclose(self->to);
    if (whole) *size = self->size;
    if (!whole) free(text);
    *self = (os_text){0};
    return whole ? text : NULL;
}
