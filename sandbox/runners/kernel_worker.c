/* Runs one candidate kernel inside the box. It is the only trusted code in the candidate's process and is
 * therefore believed in nothing: it reports no number, only that a call returned.
 *
 * usage: worker KERNEL.so SYMBOL [t:THREADS] BUFFER...     BUFFER = r:BYTES (read-only) | w:BYTES (read and write);
 * what else may follow, a type of elements, is of no concern here
 *
 * Descriptors: 0 commands, 1 replies, 3.. the buffers' memory files in order. Start-up ends with the byte 'R'.
 * Command: uint32 count, then that many struct slot, which become the 8-byte fields of the kernel's argument
 * block. Reply: 'D' and the kernel's int32 status.
 *
 * Each buffer lies between two inaccessible guard areas. All memory is mapped and touched before the first call.
 * Two seccomp filters: the first, before the candidate is loaded, lets the loader work and kills on anything
 * that starts a program or another process; the second, once it is loaded, leaves only what a computation needs.
 *
 * Neither lets a thread be made. With t:THREADS the team of OpenMP's runtime, so many threads with this one, is made
 * before the first filter; both filters hold for all of them, and the candidate finds the team there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_BUFFERS 16
#define MAX_SLOTS 64
#define GUARD (1u << 20)

enum { EXIT_USAGE = 90, EXIT_MAP = 91, EXIT_FILTER = 92, EXIT_LOAD = 93, EXIT_PROTOCOL = 94, EXIT_TEAM = 95 };

struct slot {
    uint32_t kind;   /* 0 integer, 1 pointer, 2 floating point */
    uint32_t buffer; /* kind 1: which buffer */
    uint64_t bits;   /* the value; kind 1: byte offset into the buffer */
};

static unsigned char *bases[MAX_BUFFERS];
static int buffers;

static void fail(int code, const char *what) {
    dprintf(2, "worker: %s\n", what);
    _exit(code);
}

#if defined(__x86_64__)
#define NF_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NF_ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call table for this processor"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define GIVE(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ON(number, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##number, 0, 1), GIVE(action)
#define ALLOW(number) ON(number, SECCOMP_RET_ALLOW)

/* The allocator gives pages of its own back. Other advice reaches the pages that all participants share: MADV_REMOVE
 * takes them out of every process, whose next call would pay for the faults. */
#define GIVE_BACK_ONLY                                                           \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_madvise, 0, 4), LOAD(args[2]),      \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_DONTNEED, 0, 1),                \
        GIVE(SECCOMP_RET_ALLOW), GIVE(SECCOMP_RET_ERRNO | EINVAL)

#define HEAD                                                              \
    LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NF_ARCH, 1, 0),       \
        GIVE(SECCOMP_RET_KILL_PROCESS), LOAD(nr)

static struct sock_filter loading[] = {
    HEAD,
    ALLOW(read), ALLOW(write), ALLOW(close), ALLOW(openat), ALLOW(fstat), ALLOW(newfstatat), ALLOW(lseek),
    ALLOW(mmap), ALLOW(mprotect), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(brk), ALLOW(pread64),
    ALLOW(futex), ALLOW(exit), ALLOW(exit_group), ALLOW(rt_sigreturn), ALLOW(getrandom), ALLOW(prlimit64),
    ALLOW(prctl), ALLOW(seccomp), ALLOW(getpid), ALLOW(gettid), ALLOW(getcwd), ALLOW(readlinkat),
#ifdef __NR_access
    ALLOW(access), ALLOW(readlink), ALLOW(arch_prctl), ALLOW(open), ALLOW(stat),
#endif
    GIVE(SECCOMP_RET_KILL_PROCESS),
};

/* Filters add up: this one can only narrow the first. No thread: a kernel has those that were there before it. */
static struct sock_filter running[] = {
    HEAD,
    ALLOW(read), ALLOW(write), ALLOW(futex), ALLOW(mmap), ALLOW(munmap), ALLOW(mremap), ALLOW(mprotect), ALLOW(brk),
    ALLOW(exit), ALLOW(exit_group), ALLOW(rt_sigreturn), ALLOW(getrandom), ALLOW(gettid), ALLOW(getpid),
    GIVE_BACK_ONLY,
    GIVE(SECCOMP_RET_KILL_PROCESS),
};

static void confine(struct sock_filter *filter, size_t length) {
    struct sock_fprog program = {.len = (unsigned short)length, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(EXIT_FILTER, "no_new_privs refused");
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        fail(EXIT_FILTER, "seccomp filter refused");
}

static void meet(void *nothing) { (void)nothing; }

/* One empty parallel region: the runtime keeps the threads of its last team for the next one. */
static void make_team(unsigned threads) {
    void *runtime = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
    if (runtime == NULL) fail(EXIT_TEAM, dlerror());
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned) =
        (void (*)(void (*)(void *), void *, unsigned, unsigned))(uintptr_t)dlsym(runtime, "GOMP_parallel");
    if (parallel == NULL) fail(EXIT_TEAM, "OpenMP's runtime has no GOMP_parallel");
    parallel(meet, NULL, threads, 0);
}

static void map_buffer(const char *text) {
    int writable = text[0] == 'w';
    uint64_t bytes = strtoull(text + 2, NULL, 10);
    int descriptor = 3 + buffers;
    if (buffers == MAX_BUFFERS || bytes == 0 || text[1] != ':') fail(EXIT_USAGE, "bad buffer");
    unsigned char *area = mmap(NULL, bytes + 2 * (size_t)GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) fail(EXIT_MAP, "no address space for a buffer");
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    unsigned char *base = mmap(area + GUARD, bytes, protection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, descriptor, 0);
    if (base == MAP_FAILED) fail(EXIT_MAP, "a buffer does not map");
    volatile unsigned char *touch = base;
    for (uint64_t i = 0; i < bytes; i += 4096) {
        unsigned char value = touch[i];
        if (writable) touch[i] = value;
    }
    close(descriptor);
    bases[buffers++] = base;
}

static int read_all(void *into, size_t count) {
    unsigned char *at = into;
    while (count > 0) {
        ssize_t got = read(0, at, count);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return 0;
        at += got;
        count -= (size_t)got;
    }
    return 1;
}

static void reply(const void *from, size_t count) {
    ssize_t put;
    do put = write(1, from, count);
    while (put < 0 && errno == EINTR);
    if (put != (ssize_t)count) _exit(EXIT_PROTOCOL);
}

int main(int argc, char **argv) {
    if (argc < 4) fail(EXIT_USAGE, "usage: worker KERNEL SYMBOL BUFFER...");
    int first = argv[3][0] == 't' ? 4 : 3;
    for (int i = first; i < argc; i++) map_buffer(argv[i]);
    if (first == 4) make_team((unsigned)strtoul(argv[3] + 2, NULL, 10));
    confine(loading, sizeof loading / sizeof loading[0]);
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fail(EXIT_LOAD, dlerror());
    int (*kernel)(const void *) = (int (*)(const void *))(uintptr_t)dlsym(library, argv[2]);
    if (kernel == NULL) fail(EXIT_LOAD, "the kernel's symbol is missing");
    confine(running, sizeof running / sizeof running[0]);
    reply("R", 1);
    for (;;) {
        uint32_t count;
        struct slot slots[MAX_SLOTS];
        uint64_t arguments[MAX_SLOTS];
        struct __attribute__((packed)) { char mark; int32_t status; } done = {'D', 0};
        if (!read_all(&count, sizeof count)) return 0;
        if (count > MAX_SLOTS || !read_all(slots, count * sizeof slots[0])) return EXIT_PROTOCOL;
        for (uint32_t i = 0; i < count; i++) {
            arguments[i] = slots[i].bits;
            if (slots[i].kind == 1) arguments[i] += (uint64_t)(uintptr_t)bases[slots[i].buffer];
        }
        done.status = kernel(arguments);
        reply(&done, sizeof done);
    }
}
