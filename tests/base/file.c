/* Files: mapped, replaced atomically, folders made; every refusal names path and reason. */
#include "runtime/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/support/temporary.h"

TestSuite(file, .init = enter_folder, .fini = leave_folder);

static void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static void expect_content(const char *path, const char *text)
{
    char buffer[64] = "";
    FILE *file = fopen(path, "rb");
    cr_assert(file);
    cr_assert_eq(fread(buffer, 1, sizeof buffer - 1, file), strlen(text));
    cr_assert(!fclose(file));
    cr_assert_str_eq(buffer, text);
}

Test(file, map)
{
    put("some", "shortcut");
    file_mapping mapping;
    cr_assert_eq(file_map("some", 8, &mapping), SHUNT_OK);
    cr_assert_eq(mapping.size, 8);
    cr_assert_arr_eq(mapping.data, "shortcut", 8);
    file_unmap(&mapping);
    cr_assert_null(mapping.data);
    file_unmap(&mapping);
}

Test(file, map_refuses)
{
    put("some", "shortcut");
    put("empty", "");
    cr_assert(!mkdir("dir", 0777) && !mkfifo("pipe", 0666));
    file_mapping mapping;
    cr_assert_eq(file_map("some", 7, &mapping), SHUNT_E_INVALID);
    expect_message("some", "8 bytes, more than the 7 allowed");
    cr_assert_eq(file_map("none", 0, &mapping), SHUNT_E_NOT_FOUND);
    expect_message("none", "No such file");
    cr_assert_eq(file_map("some/x", 0, &mapping), SHUNT_E_IO);
    expect_message("some/x", "Not a directory");
    cr_assert_eq(file_map("empty", 0, &mapping), SHUNT_E_INVALID);
    expect_message("empty", "empty");
    cr_assert_eq(file_map("dir", 0, &mapping), SHUNT_E_INVALID);
    expect_message("dir", "is a directory");
    cr_assert_eq(file_map("pipe", 0, &mapping), SHUNT_E_INVALID);
    expect_message("pipe", "not a regular file");
}

Test(file, write)
{
    umask(022);
    file_writer writer;
    cr_assert_eq(file_write_begin(&writer, "new"), SHUNT_OK);
    cr_assert_eq(file_write(&writer, "residual", 8), SHUNT_OK);
    cr_assert(access("new", F_OK), "it must not be there before its end");
    cr_assert_eq(file_write_end(&writer, 1), SHUNT_OK);
    expect_content("new", "residual");
    struct stat info;
    cr_assert(!stat("new", &info));
    cr_assert_eq(info.st_mode & 0777, 0644);

    /* A replaced file keeps its mode, and a link goes on pointing to it. */
    cr_assert(!chmod("new", 0600) && !symlink("new", "link"));
    cr_assert_eq(file_write_begin(&writer, "link"), SHUNT_OK);
    cr_assert(fputs("plain", writer.file) >= 0);
    cr_assert_eq(file_write_end(&writer, 1), SHUNT_OK);
    expect_content("new", "plain");
    cr_assert(!lstat("link", &info) && S_ISLNK(info.st_mode));
    cr_assert(!stat("new", &info));
    cr_assert_eq(info.st_mode & 0777, 0600);
    cr_assert_eq(entries(), 2);
}

Test(file, write_given_up)
{
    put("old", "kept");
    file_writer writer;
    cr_assert_eq(file_write_begin(&writer, "old"), SHUNT_OK);
    cr_assert_eq(file_write(&writer, "lost", 4), SHUNT_OK);
    cr_assert_eq(file_write_end(&writer, 0), SHUNT_OK);
    expect_content("old", "kept");
    cr_assert_eq(entries(), 1);
}

Test(file, write_refuses)
{
    file_writer writer;
    cr_assert(!mkdir("dir", 0777));
    put("file", "x");
    cr_assert_eq(file_write_begin(&writer, "dir"), SHUNT_E_INVALID);
    expect_message("dir", "is a directory");
    cr_assert(!mkfifo("pipe", 0666) && !symlink("loop", "loop"));
    cr_assert_eq(file_write_begin(&writer, "pipe"), SHUNT_E_IO);
    expect_message("pipe", "a FIFO without a reader");
    cr_assert_eq(file_write_begin(&writer, "loop"), SHUNT_E_IO);
    expect_message("loop", strerror(ELOOP));
    cr_assert_eq(file_write_begin(&writer, ""), SHUNT_E_NOT_FOUND);
    cr_assert_eq(file_write_begin(&writer, "new/"), SHUNT_E_INVALID);
    cr_assert_eq(file_write_begin(&writer, "/dev/fd/99"), SHUNT_E_IO);
    expect_message("/dev/fd/99", "Bad file descriptor");
    cr_assert_eq(file_write_begin(&writer, "none/x"), SHUNT_E_NOT_FOUND);
    expect_message("none/x", "No such file");
    cr_assert_eq(file_write_begin(&writer, "file/x"), SHUNT_E_IO);
    expect_message("file/x", "Not a directory");
}

static shunt_status write_text(const char *path, const char *text)
{
    file_writer writer;
    shunt_status status = file_write_begin(&writer, path);
    if (status) return status;
    status = file_write(&writer, text, strlen(text));
    shunt_status ended = file_write_end(&writer, !status);
    return status ? status : ended;
}

Test(file, write_behind_links)
{
    /* What a link names is made, though it is not there yet; through several links, and relative to each. */
    cr_assert(!mkdir("dir", 0777) && !symlink("dir/link", "first") && !symlink("../made", "dir/link"));
    cr_assert_eq(write_text("first", "residual"), SHUNT_OK);
    expect_content("made", "residual");
    struct stat info;
    cr_assert(!lstat("first", &info) && S_ISLNK(info.st_mode) && !lstat("dir/link", &info) && S_ISLNK(info.st_mode));
    cr_assert(!symlink("none/file", "nowhere"));
    cr_assert_eq(write_text("nowhere", "x"), SHUNT_E_NOT_FOUND);
    cr_assert(!lstat("nowhere", &info) && S_ISLNK(info.st_mode));
}

Test(file, write_long_name)
{
    char name[256] = "";
    memset(name, 'n', 255);
    cr_assert_eq(write_text(name, "whole"), SHUNT_OK);
    expect_content(name, "whole");
    cr_assert_eq(entries(), 1);
}

Test(file, write_through_pipe)
{
    char got[16] = "";
    struct stat info;
    cr_assert(!mkfifo("pipe", 0666));
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    cr_assert_eq(write_text("pipe", "residual"), SHUNT_OK);
    cr_assert_eq(read(reader, got, sizeof got), 8);
    cr_assert_str_eq(got, "residual");
    cr_assert(!lstat("pipe", &info) && S_ISFIFO(info.st_mode));
    cr_assert_eq(entries(), 1);

    /* A reader that goes away: a failure, no signal. */
    file_writer writer;
    cr_assert_eq(file_write_begin(&writer, "pipe"), SHUNT_OK);
    cr_assert_eq(file_write(&writer, "x", 1), SHUNT_OK);
    close(reader);
    cr_assert_eq(file_write_end(&writer, 1), SHUNT_E_IO);
    expect_message("pipe", "Broken pipe");
    cr_assert(!lstat("pipe", &info) && S_ISFIFO(info.st_mode));
}

Test(file, write_through_descriptor)
{
    /* As /dev/stdout is: what an open descriptor has is written on, not replaced. */
    char path[32];
    put("open", "");
    int fd = open("open", O_RDWR), again = open("open", O_RDONLY);
    cr_assert_eq(write(fd, "first, ", 7), 7);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    cr_assert_eq(write_text(path, "second"), SHUNT_OK);
    cr_assert_eq(write(fd, ", third", 7), 7);
    expect_content("open", "first, second, third");
    snprintf(path, sizeof path, "/dev/fd/%d", again);
    cr_assert_eq(write_text(path, "x"), SHUNT_E_IO);
    expect_message(path, "open for reading");
    close(fd);
    close(again);
}

Test(file, write_through_device)
{
    struct stat info;
    if (mknod("null", S_IFCHR | 0666, makedev(1, 3)) || mknod("full", S_IFCHR | 0666, makedev(1, 7)) ||
        access("null", W_OK))
        cr_skip("only root makes device nodes");
    cr_assert_eq(write_text("null", "gone"), SHUNT_OK);
    cr_assert_eq(write_text("full", "gone"), SHUNT_E_IO);
    expect_message("full", "No space left on device");
    cr_assert(!lstat("null", &info) && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3));
    cr_assert(!lstat("full", &info) && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 7));
    cr_assert_eq(entries(), 2);
}

Test(file, write_to_a_full_disk)
{
    put("old", "kept");
    static const char block[1 << 16];
    for (int checked = 0; checked < 2; checked++) {
        limit_file_size(100000);
        file_writer writer;
        cr_assert_eq(file_write_begin(&writer, "old"), SHUNT_OK);
        shunt_status status = SHUNT_OK;
        if (checked)
            for (int i = 0; i < 3 && !status; i++) status = file_write(&writer, block, sizeof block);
        else
            for (int i = 0; i < 3; i++) (void)!fwrite(block, 1, sizeof block, writer.file);
        cr_assert_eq(status, checked ? SHUNT_E_IO : SHUNT_OK);
        status = file_write_end(&writer, !status);
        cr_assert_eq(status, checked ? SHUNT_OK : SHUNT_E_IO);
        limit_file_size(RLIM_INFINITY);
        expect_message("old", checked ? "File too large" : "cannot write");
        expect_content("old", "kept");
        cr_assert_eq(entries(), 1);
    }
    /* What fits the buffer fails only at the flush. */
    limit_file_size(10);
    file_writer writer;
    cr_assert_eq(file_write_begin(&writer, "old"), SHUNT_OK);
    cr_assert_eq(file_write(&writer, block, 100), SHUNT_OK);
    cr_assert_eq(file_write_end(&writer, 1), SHUNT_E_IO);
    limit_file_size(RLIM_INFINITY);
    expect_message("old", "File too large");
    expect_content("old", "kept");
    cr_assert_eq(entries(), 1);
}

Test(file, folders)
{
    struct stat info;
    cr_assert_eq(file_make_folders("a/b//c/", 0777), SHUNT_OK);
    cr_assert_eq(file_make_folders("a/b/c", 0777), SHUNT_OK);
    cr_assert(!stat("a/b/c", &info) && S_ISDIR(info.st_mode));
    char absolute[128];
    snprintf(absolute, sizeof absolute, "%s/d/e", folder);
    cr_assert_eq(file_make_folders(absolute, 0777), SHUNT_OK);
    cr_assert(!stat("d/e", &info) && S_ISDIR(info.st_mode));
    put("file", "x");
    cr_assert_eq(file_make_folders("file/x", 0777), SHUNT_E_IO);
    expect_message("file/x", "that is a file");
    cr_assert_eq(file_make_folders("file", 0777), SHUNT_E_IO);
}
