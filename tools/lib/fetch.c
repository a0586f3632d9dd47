/* fetch.c - see fetch.h. libcurl talks; what the server says is believed only as far as it can be checked: the length it
 * declares, the part it resumes with, and in the end the digest of the file on the disk. */
#include "fetch.h"
#include "args.h"
#include "progress.h"
#include "say.h"
#include "runtime/shared/os.h"
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_HEADERS = 256 << 10 };

typedef struct transfer {
    const fetch_request *request;
    CURL *curl;
    int fd;
    uint64_t have;         /* bytes in the file */
    uint64_t resumed_from; /* of these from an earlier run */
    uint64_t shown;        /* KiB that the progress line knows of */
    time_t moved;          /* when the last byte came, by the monotonic clock */
    size_t headers;        /* bytes of the answer's headers, redirections included */
    bool began;            /* a part of this answer's body has arrived */
    char range[64];        /* the answer's Content-Range */
    char encoding[64];     /* its Content-Encoding */
    char reason[256];      /* why the body was refused */
    char detail[CURL_ERROR_SIZE];
} transfer;

/* ---- The answer -------------------------------------------------------------------------------------------- */

/* The value, if the line is of the header `name` ("content-range:"). */
static void take_value(const char *line, size_t length, const char *name, char value[64])
{
    size_t skip = strlen(name);
    if (length <= skip || strncasecmp(line, name, skip) != 0) return;
    while (skip < length && line[skip] == ' ') skip++;
    while (length > skip && isspace((unsigned char)line[length - 1])) length--;
    snprintf(value, 64, "%.*s", (int)(length - skip), line + skip);
}

static size_t refuse(transfer *self, const char *reason)
{
    snprintf(self->reason, sizeof self->reason, "%s", reason);
    return 0; /* makes libcurl stop */
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    transfer *self = context;
    size_t length = size * count;
    self->headers += length;
    if (self->headers > MOST_HEADERS) return refuse(self, "the headers of the server's answer have no end");
    if (length > 5 && !strncasecmp(line, "HTTP/", 5)) /* what came is of the answer before a redirection */
        self->range[0] = self->encoding[0] = '\0';
    take_value(line, length, "content-range:", self->range);
    take_value(line, length, "content-encoding:", self->encoding);
    return length;
}

static bool empty_file(transfer *self)
{
    self->have = self->resumed_from = 0;
    return ftruncate(self->fd, 0) == 0;
}

/* A server may answer a request for the rest with all of it, or with another part than was asked for. */
static bool begin_body(transfer *self, const char *data, size_t length)
{
    long code = 0;
    unsigned long long start = 0;
    curl_off_t left = -1;
    self->began = true;
    curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(self->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &left);
    if (self->encoding[0] && strcasecmp(self->encoding, "identity") != 0)
        return refuse(self, "the server sends it compressed, which was not requested");
    if (code != 206) {
        if (!empty_file(self)) return refuse(self, strerror(errno));
    } else if (sscanf(self->range, "bytes %llu-", &start) != 1 || start != self->have) {
        return refuse(self, "the server continued from another position than requested");
    }
    if (self->have == 0 && memchr(" \t\r\n<", data[0], 5) && memchr(data, '<', length))
        return refuse(self, "the server sent a web page instead of the file; does the network ask to log in first?");
    if (left > 0) {
        if ((uint64_t)left > self->request->most - self->have)
            return refuse(self, "the server's file is larger than these weights can be");
        progress_end(); /* now its length is known */
        progress_begin("downloading, KiB", (self->have + (uint64_t)left) / 1024);
        self->shown = 0;
    }
    return true;
}

static time_t seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    transfer *self = context;
    size_t length = size * count;
    if (!length) return 0;
    if (!self->began && !begin_body(self, data, length)) return 0;
    if (length > self->request->most - self->have) /* so neither the rest nor the part received is of these weights */
        return refuse(self, empty_file(self) ? "the server sends more than these weights can be" : strerror(errno));
    for (size_t done = 0; done < length;) {
        ssize_t n = pwrite(self->fd, data + done, length - done, (off_t)(self->have + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return refuse(self, n < 0 ? strerror(errno) : "nothing could be written");
        done += (size_t)n;
    }
    self->have += length;
    self->moved = seconds_now();
    progress_advance(self->have / 1024 - self->shown);
    self->shown = self->have / 1024;
    return length;
}

/* About once a second. libcurl's own limit is on the mean speed of some seconds. */
static int watch(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    transfer *self = context;
    (void)total, (void)now, (void)up_total, (void)up_now;
    return seconds_now() - self->moved > self->request->patience;
}

/* ---- One attempt ------------------------------------------------------------------------------------------- */

static CURLcode set_options(transfer *self)
{
    const fetch_request *request = self->request;
    char agent[64], range[32];
    CURLcode code = CURLE_OK;
    snprintf(agent, sizeof agent, "shunt/%s", shunt_version());
    snprintf(range, sizeof range, "%llu-", (unsigned long long)self->have);
#define SET(option, value)                                                                                             \
    if (!code) code = curl_easy_setopt(self->curl, option, value)
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, 5L);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, agent);
    SET(CURLOPT_CONNECTTIMEOUT, (long)request->patience);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, watch);
    SET(CURLOPT_XFERINFODATA, self);
    SET(CURLOPT_ERRORBUFFER, self->detail);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, self);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, self);
    if (request->ca) SET(CURLOPT_CAINFO, request->ca);
    if (self->have) SET(CURLOPT_RANGE, range);
#undef SET
    return code;
}

/* What to do about a transfer that stopped with so many bytes. */
static const char *say_kept(unsigned long long have, char text[96])
{
    if (!have) return "try again";
    snprintf(text, 96, "the %llu bytes so far are kept, the same command continues from there", have);
    return text;
}

static int say_curl_failure(const transfer *self, CURLcode code)
{
    const char *url = self->request->url, *detail = self->detail[0] ? self->detail : curl_easy_strerror(code);
    char text[96];
    const char *kept = say_kept(self->have, text);
    long answer = 0;
    curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &answer);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return say_failure("%s: there is no network, or no such host: %s", url, detail);
    case CURLE_COULDNT_CONNECT:
        return say_failure("%s: cannot connect: %s; is there a network?", url, detail);
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_ABORTED_BY_CALLBACK:
        return say_failure("%s: no data came for %lld s; %s", url, (long long)self->request->patience, kept);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
        return say_failure("%s: the connection ended early (%s); %s", url, detail, kept);
    case CURLE_HTTP_RETURNED_ERROR:
        return say_failure("%s: the server answers %ld%s", url, answer, answer == 404 ? ": no such file" : "");
    case CURLE_UNSUPPORTED_PROTOCOL:
        if (answer / 100 != 3) return say_failure("%s: no web server answers there: %s", url, detail);
        return say_failure("%s: refused: the server redirects to an address that is not HTTPS", url);
    case CURLE_TOO_MANY_REDIRECTS:
        return say_failure("%s: the server redirects again and again", url);
    case CURLE_PEER_FAILED_VERIFICATION:
        return say_failure("%s: the server's certificate is not trusted: %s", url, detail);
    case CURLE_SSL_CACERT_BADFILE:
        return say_failure("%s: no certificates to check the server with: %s", url, detail);
    case CURLE_OUT_OF_MEMORY: /* so libcurl calls a header line of more than 100 KiB, too */
        return say_failure("%s: no memory, or a header of the server's answer has no end", url);
    case CURLE_WRITE_ERROR:
        return say_failure("%s: %s", url, self->reason[0] ? self->reason : detail);
    default:
        return say_failure("%s: %s", url, detail);
    }
}

/* Body to the file. *stale: what there was of it is no beginning of what the server has. */
static int attempt(transfer *self, bool *stale)
{
    *stale = false;
    self->curl = curl_easy_init();
    if (!self->curl) return say_failure("libcurl cannot start");
    self->resumed_from = self->have;
    self->headers = 0;
    self->began = false;
    self->moved = seconds_now();
    self->reason[0] = self->detail[0] = '\0';
    CURLcode code = set_options(self);
    progress_begin("downloading", 0);
    if (!code) code = curl_easy_perform(self->curl);
    progress_end();
    long answer = 0;
    curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &answer);
    *stale = code == CURLE_HTTP_RETURNED_ERROR && answer == 416 && self->resumed_from; /* range not satisfiable */
    int status = code && !*stale ? say_curl_failure(self, code) : EXIT_OK;
    if (!code && !self->began) /* 204, or a length of 0 */
        status = say_failure("%s: the server answers %ld and sends no file", self->request->url, answer);
    curl_easy_cleanup(self->curl);
    self->curl = NULL;
    return status;
}

/* ---- The file ------------------------------------------------------------------------------------------------- */

static int open_part(const char *part, int *out)
{
    int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) return say_failure("%s: cannot be written: %s", part, strerror(errno));
    if (!os_lock(fd)) {
        int reason = errno;
        close(fd);
        return reason == EWOULDBLOCK ? say_failure("%s: another shunt pull is downloading it", part)
                                     : say_failure("%s: %s", part, strerror(reason));
    }
    *out = fd;
    return EXIT_OK;
}

static bool is_right(const transfer *self, const char *part, const char *digits)
{
    const char *wanted = self->request->sha256;
    return wanted ? !strncmp(digits, wanted, strlen(wanted)) : self->request->check(part);
}

static int refuse_file(const transfer *self, const char *digits)
{
    const char *wanted = self->request->sha256, *url = self->request->url;
    if (!wanted) return say_failure("%s: the downloaded file is not kept: %s", url, shunt_last_error());
    return say_failure("%s: the downloaded file has the SHA-256 %s, not %s%s: it is damaged, cut off or another file "
                       "(%llu bytes); it is not kept",
                       url, digits, wanted, strlen(wanted) < 64 ? "..." : "", (unsigned long long)self->have);
}

/* Downloads until the digest is right, or the check is passed: what an earlier run left may be of another file, so there is
 * a second attempt. */
static int fill(transfer *self, const char *part, char *digits)
{
    for (int round = 0; round < 2; round++) {
        bool stale;
        int status = attempt(self, &stale);
        if (status == EXIT_OK) status = fetch_sha256(part, digits);
        if (status || is_right(self, part, digits)) return status;
        if (!self->resumed_from) break;
        if (!empty_file(self)) return say_failure("%s: %s", part, strerror(errno));
    }
    unlink(part);
    return refuse_file(self, digits);
}

int fetch(const fetch_request *request, char *digits)
{
    transfer self = {.request = request, .fd = -1};
    char *part;
    struct stat info;
    if (asprintf(&part, "%s.part", request->path) < 0) return say_failure("no memory");
    int status = open_part(part, &self.fd);
    if (status == EXIT_OK && fstat(self.fd, &info)) status = say_failure("%s: %s", part, strerror(errno));
    if (status == EXIT_OK && curl_global_init(CURL_GLOBAL_DEFAULT)) status = say_failure("libcurl cannot start");
    if (status == EXIT_OK) {
        self.have = (uint64_t)info.st_size <= request->most ? (uint64_t)info.st_size : 0;
        status = fill(&self, part, digits);
        curl_global_cleanup();
    }
    if (status == EXIT_OK && (fsync(self.fd) || rename(part, request->path)))
        status = say_failure("%s: cannot be written: %s", request->path, strerror(errno));
    if (self.fd >= 0 && !fstat(self.fd, &info) && status && info.st_size == 0) unlink(part);
    if (self.fd >= 0) close(self.fd);
    free(part);
    return status;
}
