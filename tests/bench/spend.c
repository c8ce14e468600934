/* spend RUNS COMMAND [ARGUMENT...]: runs a command, its output thrown away, and prints user and
 * system CPU in seconds, wall clock in seconds and peak memory in KiB: of RUNS runs the least. A
 * small program, because a child's peak memory is never less than its parent's was. Exits as the
 * command did. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    double least_cpu = 1e9, least_wall = 1e9;
    long least_kib = 1L << 40;
    int status = 0;
    for (long run = argc > 2 ? strtol(argv[1], NULL, 10) : 0; run > 0; run--) {
        struct rusage usage;
        double started = now();
        pid_t child = fork();
        if (child == 0) {
            int null = open("/dev/null", O_RDWR);
            dup2(null, STDIN_FILENO);
            dup2(null, STDOUT_FILENO);
            execvp(argv[2], argv + 2);
            perror(argv[2]);
            _exit(127);
        }
        if (child < 0 || wait4(child, &status, 0, &usage) != child) {
            perror("spend");
            return 127;
        }
        double wall = now() - started, cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
        least_wall = wall < least_wall ? wall : least_wall;
        least_cpu = cpu < least_cpu ? cpu : least_cpu;
        least_kib = usage.ru_maxrss < least_kib ? usage.ru_maxrss : least_kib;
    }
    printf("%.6f %.6f %ld\n", least_cpu, least_wall, least_kib);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
