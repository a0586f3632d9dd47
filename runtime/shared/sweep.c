/* sweep.c - see sweep.h. A process number in a name tells nothing about its writer: numbers are used again, in a container
 * by every run. The writer has a lock on the file instead, which goes with it. */
#include "runtime/shared/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OLD_SECONDS = 600 }; /* also longer than a writer takes from releasing the lock to renaming the file */

void sweep_spare(int fd)
{
    (void)!flock(fd, LOCK_EX | LOCK_NB); /* a file system without locks: then nothing is removed there either */
}

/* NAME.tmp-PROCESS-NUMBER. */
static bool is_temporary(const char *entry, const char *name)
{
    static const char digits[] = "0123456789";
    const char *mark = NULL;
    for (const char *at = entry; (at = strstr(at, TEMPORARY_MARK)); at++) mark = at;
    if (!mark || mark == entry) return false;
    size_t length = (size_t)(mark - entry);
    if (name && (strlen(name) != length || memcmp(entry, name, length) != 0)) return false;
    const char *process = mark + strlen(TEMPORARY_MARK), *dash = process + strspn(process, digits);
    if (dash == process || *dash != '-') return false;
    const char *end = dash + 1 + strspn(dash + 1, digits);
    return end > dash + 1 && !*end;
}

static void remove_stale(int folder, const char *entry)
{
    struct stat about;
    int fd = openat(folder, entry, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    bool stale = !fstat(fd, &about) && S_ISREG(about.st_mode) && time(NULL) - about.st_mtime > OLD_SECONDS &&
                 !flock(fd, LOCK_EX | LOCK_NB);
    if (stale) (void)!unlinkat(folder, entry, 0);
    close(fd);
}

void sweep_temporaries(const char *folder, const char *name)
{
    DIR *entries = opendir(folder);
    if (!entries) return;
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (is_temporary(entry->d_name, name)) remove_stale(dirfd(entries), entry->d_name);
    closedir(entries);
}
