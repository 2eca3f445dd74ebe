/* The floor of a fan-out: accept() N connections, then write() one WebSocket frame to each, nothing else.
 *
 *   fanout_floor N ROUNDS INTERVAL_MS FRAME_BYTES
 *
 * Prints the port, waits until all are there, prints "ready", and then one line a round:
 * "number start_ns cpu_ns": CLOCK_MONOTONIC before the first write, and this process's CPU time for the round.
 * The watchers (loadtests/swarm.py) tell when the last of them had the frame.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static long long clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* A text frame of exactly `size` bytes (over 126 + 4) whose JSON ends like an accepted bid's entry. */
static void fill(char *frame, int size, int number) {
    char tail[64];
    int length = size - 4;
    int tail_length = snprintf(tail, sizeof tail, "\",\"priority\":false,\"seq\":%09d}}", number);
    frame[0] = (char)0x81;
    frame[1] = 126;
    frame[2] = (char)(length >> 8);
    frame[3] = (char)(length & 255);
    memset(frame + 4, 'x', length);
    memcpy(frame + 4, "{\"type\":\"entry\",\"entry\":{\"pad\":\"", 32);
    memcpy(frame + size - tail_length, tail, tail_length);
}

static int listen_anywhere(int backlog, int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, backlog))
        fail("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length)) fail("getsockname");
    *port = ntohs(address.sin_port);
    return listener;
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    int n = atoi(arguments[1]), rounds = atoi(arguments[2]), interval_ms = atoi(arguments[3]);
    int size = atoi(arguments[4]), port, one = 1;
    struct rlimit files = {n + 64, n + 64};
    setrlimit(RLIMIT_NOFILE, &files);
    if (n < 1 || size < 200 || size > 60000) return 2;
    char *frame = malloc(size);
    int *watchers = malloc(sizeof(int) * n);
    int listener = listen_anywhere(4096, &port);
    printf("%d\n", port);
    fflush(stdout);
    alarm(120); /* never left behind */
    for (int i = 0; i < n; i++) {
        if ((watchers[i] = accept(listener, NULL, NULL)) < 0) fail("accept");
        setsockopt(watchers[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    printf("ready\n");
    fflush(stdout);
    for (int round = 1; round <= rounds; round++) {
        usleep(interval_ms * 1000);
        fill(frame, size, round);
        long long cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), start = clock_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < n; i++)
            if (write(watchers[i], frame, size) != size) fail("write");
        printf("%d %lld %lld\n", round, start, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        fflush(stdout);
    }
    usleep(interval_ms * 1000);
    return 0;
}
