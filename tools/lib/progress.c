/* progress.c - see progress.h. The line is "label [=====>    ] 42 %  1234/2930  0:12 left  note". */
#include "progress.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CELLS = 30, REDRAW_MS = 200, QUIET_MS = 1000 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool running, drawn;
    const char *label;
    uint64_t total, done;
    char note[96];
    struct timespec start;
} bar = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static double seconds_since_start(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - bar.start.tv_sec) + 1e-9 * (double)(now.tv_nsec - bar.start.tv_nsec);
}

/* The next three are called with the mutex held. */
static void erase(void)
{
    if (bar.drawn) fputs("\r\033[K", stderr);
    bar.drawn = false;
}

static void draw_line(double elapsed)
{
    if (bar.total == 0) {
        fprintf(stderr, "%s  %.0f s%s%s", bar.label, elapsed, bar.note[0] ? "  " : "", bar.note);
        return;
    }
    double share = (double)bar.done / (double)bar.total;
    char cells[BAR_CELLS + 1];
    for (int i = 0; i < BAR_CELLS; i++) cells[i] = i < (int)(share * BAR_CELLS) ? '=' : ' ';
    cells[BAR_CELLS] = '\0';
    fprintf(stderr, "%s [%s] %3.0f %%  %llu/%llu", bar.label, cells, 100 * share, (unsigned long long)bar.done,
            (unsigned long long)bar.total);
    if (bar.done > 0) {
        int left = (int)(elapsed / share - elapsed + 0.5);
        if (left < 3600)
            fprintf(stderr, "  %d:%02d left", left / 60, left % 60);
        else
            fprintf(stderr, "  %d:%02d h left", left / 3600, left / 60 % 60);
    }
    if (bar.note[0]) fprintf(stderr, "  %s", bar.note);
}

static void draw(void)
{
    double elapsed = seconds_since_start();
    if (elapsed * 1000 < QUIET_MS) return;
    erase();
    draw_line(elapsed);
    fflush(stderr);
    bar.drawn = true;
}

static void *draw_until_end(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&bar.mutex);
    while (bar.running) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += REDRAW_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        if (pthread_cond_timedwait(&bar.wake, &bar.mutex, &until) == ETIMEDOUT) draw();
    }
    erase();
    fflush(stderr);
    pthread_mutex_unlock(&bar.mutex);
    return NULL;
}

void progress_begin(const char *label, uint64_t total)
{
    if (!isatty(STDERR_FILENO)) return;
    bar.label = label;
    bar.total = total;
    bar.done = 0;
    bar.note[0] = '\0';
    clock_gettime(CLOCK_MONOTONIC, &bar.start);
    bar.running = true;
    if (pthread_create(&bar.thread, NULL, draw_until_end, NULL) != 0) bar.running = false;
}

void progress_advance(uint64_t by)
{
    pthread_mutex_lock(&bar.mutex);
    bar.done += by;
    pthread_mutex_unlock(&bar.mutex);
}

void progress_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&bar.mutex);
    vsnprintf(bar.note, sizeof bar.note, format, arguments);
    pthread_mutex_unlock(&bar.mutex);
    va_end(arguments);
}

void progress_end(void)
{
    pthread_mutex_lock(&bar.mutex);
    bool was_running = bar.running;
    bar.running = false;
    pthread_cond_signal(&bar.wake);
    pthread_mutex_unlock(&bar.mutex);
    if (was_running) pthread_join(bar.thread, NULL);
}

void progress_preparing(void *context, uint32_t done, uint32_t total)
{
    static atomic_bool own;
    (void)context;
    if (done == 0 && total > 0 && !bar.running) {
        progress_begin("preparing ops", total);
        own = bar.running;
    } else if (own && done < total) {
        progress_advance(1);
    } else if (own) {
        own = false;
        progress_end();
    } else if (done < total) {
        progress_note("ops %u/%u prepared", done, total);
    } else {
        progress_note("%s", "");
    }
}

void progress_lock(void)
{
    pthread_mutex_lock(&bar.mutex);
    erase();
}

void progress_unlock(void)
{
    pthread_mutex_unlock(&bar.mutex);
}
