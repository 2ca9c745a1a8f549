/* Opens a performance counter. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/perf_event.h>
int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    char zero[256];
    memset(zero, 0, sizeof zero);
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1};
    syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
    usleep(300000);
    return 0;
}
