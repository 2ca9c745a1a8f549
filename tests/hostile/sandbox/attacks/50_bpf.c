/* Makes a BPF map. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    char zero[256];
    memset(zero, 0, sizeof zero);
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
    syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
    usleep(300000);
    return 0;
}
