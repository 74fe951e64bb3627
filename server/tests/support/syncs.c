/* Counts how often a program has its disk sync the log of the store: each time a byte more in the file SYNCS. The disk
   takes 20 ms for it, so that many grants can share one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void count(int file) {
    const char *counter = getenv("SYNCS");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!counter || length < 4) {
        return;
    }
    path[length] = 0;
    if (strcmp(path + length - 4, "-wal") != 0) {
        return;
    }
    usleep(20000);
    int counted = open(counter, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (counted >= 0) {
        if (write(counted, ".", 1) != 1) {
            abort();
        }
        close(counted);
    }
}

int fsync(int file) {
    count(file);
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    count(file);
    return (int)syscall(SYS_fdatasync, file);
}
