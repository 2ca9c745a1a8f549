/* 300 MiB of shared pages that it gives back: they stay in memory, and in nobody's resident size. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    for (int i = 0; i < 300; i++) {
        char *block = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        memset(block, 1, 1 << 20);
        madvise(block, 1 << 20, MADV_DONTNEED);
    }
    usleep(600000);
    return 0;
}
