/* Stands between a process and the kernel, and fails or delays what a disk would fail or delay.

       cc -shared -fPIC -o shim.so shim.c
       CARBONMATCH_FAULTS=control LD_PRELOAD=./shim.so carbonmatch serve ...

   Only files whose names end in ".cmj" are its business. `control` is a file of 64-bit integers that is
   mapped here and in the test, so that faults come and go while the process runs: see faults.py, which
   has the same fields in the same order. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct control {
    int64_t syncs;           /* calls so far */
    int64_t writes;
    int64_t sync_fails_at;   /* the call that fails, by that count; the next one succeeds: the kernel's lie */
    int64_t write_fails_at;
    int64_t error;           /* errno of what fails */
    int64_t failures;        /* faults injected so far */
    int64_t sync_delay_us;   /* before each sync */
    int64_t write_bytes_max; /* of one write; 0: as many as asked for */
    int64_t failed_ns;       /* monotonic time of the last failure */
};

static struct control *control;
static int (*real_fdatasync)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

__attribute__((constructor)) static void begin(void) {
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    real_pwrite = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
    const char *name = getenv("CARBONMATCH_FAULTS");
    int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    control = mapped == MAP_FAILED ? NULL : mapped;
    close(file);
}

static int is_segment(int file) {
    char link[64], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name);
    return control && length > 4 && memcmp(name + length - 4, ".cmj", 4) == 0;
}

static int fails(int64_t *count, int64_t fails_at) {
    if (__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) != fails_at) return 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    control->failed_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    control->failures += 1;
    errno = (int)control->error;
    return 1;
}

int fdatasync(int file) {
    if (is_segment(file)) {
        /* In steps, so that a delay which is taken back ends. */
        for (int64_t slept_us = 0; slept_us < control->sync_delay_us; slept_us += 1000) usleep(1000);
        if (fails(&control->syncs, control->sync_fails_at)) return -1;
    }
    return real_fdatasync(file);
}

ssize_t pwrite64(int file, const void *data, size_t length, off_t offset) {
    if (is_segment(file)) {
        if (fails(&control->writes, control->write_fails_at)) return -1;
        if (control->write_bytes_max > 0 && (size_t)control->write_bytes_max < length)
            length = (size_t)control->write_bytes_max;
    }
    return real_pwrite(file, data, length, offset);
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    return pwrite64(file, data, length, offset);
}
