/* Loaded before libc (LD_PRELOAD): kills the process at the Nth call that touches a file, once armed.
 * A write that is due is done by half first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int left;

/* 0 disarms. Returns how many calls were left: what was not used up. */
int shim_arm(int calls)
{
    int before = left;
    left = calls;
    return before;
}

static int due(void) { return left > 0 && --left == 0; }

static void tick(void)
{
    if (due())
        kill(getpid(), SIGKILL);
}

#define NEXT(result, name, ...) ((result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    tick();
    return NEXT(int, "open", const char *, int, ...)(path, flags, mode);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    if (due()) {
        ssize_t half = NEXT(ssize_t, "write", int, const void *, size_t)(file, bytes, size / 2);
        kill(getpid(), SIGKILL);
        return half;
    }
    return NEXT(ssize_t, "write", int, const void *, size_t)(file, bytes, size);
}

int fsync(int file) { return tick(), NEXT(int, "fsync", int)(file); }
int close(int file) { return tick(), NEXT(int, "close", int)(file); }
int fchmod(int file, mode_t mode) { return tick(), NEXT(int, "fchmod", int, mode_t)(file, mode); }

int rename(const char *from, const char *to)
{
    tick();
    int result = NEXT(int, "rename", const char *, const char *)(from, to);
    tick();
    return result;
}
