/* One writer in a folder, and nothing left of the lock that kept the others out. */
#include "runtime/shared/lock.h"
#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(lock, .init = enter_folder, .fini = leave_folder, .timeout = 60);

Test(lock, one_holder)
{
    int fd = folder_lock(".");
    cr_assert(fd >= 0);
    cr_assert(folder_lock(".") < 0 && errno == EWOULDBLOCK);
    cr_assert(!access(".lock", F_OK));
    folder_unlock(".", fd);
    cr_assert(access(".lock", F_OK) && errno == ENOENT);
    folder_unlock(".", -1);
    cr_assert(folder_lock("none") < 0 && errno == ENOENT);
}

/* Somebody removed the file of a lock that is held: what another one has since made is not the holder's to remove. */
Test(lock, file_of_another)
{
    int first = folder_lock(".");
    cr_assert(first >= 0 && !unlink(".lock"));
    int second = folder_lock(".");
    cr_assert(second >= 0);
    folder_unlock(".", first);
    cr_assert(!access(".lock", F_OK));
    folder_unlock(".", second);
    cr_assert(access(".lock", F_OK));
}

/* What a killed holder left is taken over. */
Test(lock, killed_holder)
{
    int ready[2];
    char byte;
    cr_assert(!pipe(ready));
    pid_t holder = fork();
    if (!holder) {
        if (folder_lock(".") >= 0 && write(ready[1], "x", 1) == 1) pause();
        _exit(1);
    }
    cr_assert(holder > 0 && read(ready[0], &byte, 1) == 1);
    cr_assert(folder_lock(".") < 0 && errno == EWOULDBLOCK);
    cr_assert(!kill(holder, SIGKILL) && waitpid(holder, NULL, 0) == holder);
    cr_assert(!access(".lock", F_OK));
    int fd = folder_lock(".");
    cr_assert(fd >= 0);
    folder_unlock(".", fd);
    cr_assert(access(".lock", F_OK));
}

enum { HELD, STARVED, SHARED };

/* SHARED: another one had the lock at the same time. */
static int compete(void)
{
    int outcome = STARVED;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (time_t end = now.tv_sec + 2; now.tv_sec < end; clock_gettime(CLOCK_MONOTONIC, &now)) {
        int fd = folder_lock(".");
        if (fd < 0 && errno == EWOULDBLOCK) continue;
        if (fd < 0 || mkdir("held", 0777) || rmdir("held")) return SHARED;
        folder_unlock(".", fd);
        outcome = HELD;
    }
    return outcome;
}

Test(lock, many_at_once)
{
    int status, outcomes[3] = {0};
    for (int i = 0; i < 6; i++) {
        pid_t child = fork();
        cr_assert(child >= 0);
        if (!child) _exit(compete());
    }
    while (wait(&status) > 0)
        outcomes[WIFEXITED(status) && WEXITSTATUS(status) < SHARED ? WEXITSTATUS(status) : SHARED]++;
    cr_assert(outcomes[HELD] > 0 && outcomes[SHARED] == 0, "%d had it, %d shared it", outcomes[HELD], outcomes[SHARED]);
    cr_assert(access(".lock", F_OK));
}
