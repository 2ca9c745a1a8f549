/* Calls a kernel N times on data from a file, under cachegrind. Trusted: it only ever runs inside the box.
 *
 * usage: driver CALLS DATA. The file holds, for each argument: int32 kind (0 whole number, 1 real number, 2 buffer),
 * int64 bytes, and for numbers their 8 bytes, for buffers their contents. A buffer starts on a page of its own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 64

int NF_SYMBOL(const void *);

static void need(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "driver: %s\n", what);
        exit(90);
    }
}

int main(int argc, char **argv) {
    static uint64_t block[MOST];
    need(argc == 3, "usage: driver CALLS DATA");
    FILE *data = fopen(argv[2], "rb");
    need(data != NULL, "no data");
    int32_t kind;
    int count = 0;
    while (fread(&kind, sizeof kind, 1, data) == 1) {
        int64_t bytes;
        need(count < MOST && fread(&bytes, sizeof bytes, 1, data) == 1 && bytes >= 0, "a damaged header");
        void *place = &block[count];
        if (kind == 2) {
            place = aligned_alloc(4096, ((size_t)bytes + 8191) / 4096 * 4096);
            need(place != NULL, "no memory");
            block[count] = (uint64_t)(uintptr_t)place;
        } else {
            need(bytes == 8, "a number has 8 bytes");
        }
        need(fread(place, 1, (size_t)bytes, data) == (size_t)bytes, "a short argument");
        count++;
    }
    fclose(data);
    for (int call = atoi(argv[1]); call > 0; call--) need(NF_SYMBOL(block) == 0, "the kernel gave no 0");
    return 0;
}
