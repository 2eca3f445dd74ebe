/* Loaded before libc (LD_PRELOAD): kills the process right before or after the Nth time that a file takes another's
 * place, counted over all processes by the length of a file. Every change of a virtual UKey is such a rename.
 * KILL_AT=N, KILL_COUNT=path; N = 0 only counts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void tick(void)
{
    const char *at = getenv("KILL_AT"), *path = getenv("KILL_COUNT");
    struct stat told;
    if (!at || !path)
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || write(file, ".", 1) != 1 || fstat(file, &told) != 0)
        _exit(99);
    close(file);
    if (told.st_size == atol(at))
        kill(getpid(), SIGKILL);
}

int rename(const char *from, const char *to)
{
    tick();
    int (*next)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    int result = next(from, to);
    tick();
    return result;
}
