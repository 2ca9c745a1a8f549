/* Process 1 of a container of the docker tier. Trusted; the candidate runs as its child, under the same user, and
 * can neither read nor write it (it is not dumpable) nor signal it (nobody signals process 1 of his own namespace).
 *
 * It takes its work over a socket that the supervisor listens at, so that the candidate's descriptors are the
 * supervisor's own pipes and memory files: the engine never carries a byte of the candidate's. It ends when that
 * socket ends, and the whole container with it, so that a killed supervisor leaves nothing running.
 *
 * usage: container-init SOCKET
 *
 *   us  -> it   'H' version                 with a descriptor of /box
 *   it  -> us   'J'                         with a memory file (struct job, see below), then 0, 1, 2, 3 ... of the program
 *   us  -> it   'C'                         sent by the child, whose pid the kernel attests; the child waits
 *   it  -> us   'G'                         the child goes on and becomes the program
 *   us  -> it   'S' status cpu_us           the program has ended; status as of waitpid
 *
 * ("us" is the init.) The memory file: uint32 bytes of filter, uint32 number of CPUs, uint32 words of argv,
 * uint32 words of environment; then the filter, the CPUs as uint32, and the words, each ended by a zero byte.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define VERSION 1
#define MOST_DESCRIPTORS 128
#define PROGRAM_DESCRIPTORS_FROM 400

enum { EXIT_USAGE = 90, EXIT_SOCKET = 91, EXIT_FOLDER = 92, EXIT_JOB = 93, EXIT_FILTER = 94, NOT_FOUND = 127 };

struct job {
    uint32_t filter_bytes, cpus, arguments, variables;
};

struct end {
    char mark;
    char unused[3];
    int32_t status;
    uint64_t cpu_us;
};

static int control;
static int received[MOST_DESCRIPTORS];
static int count;

static void leave(int code, const char *what) {
    dprintf(2, "container-init: %s: %s\n", what, strerror(errno));
    _exit(code);
}

static void connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (control < 0 || connect(control, (struct sockaddr *)&address, sizeof address) != 0) leave(EXIT_SOCKET, path);
}

/* /box and /tmp are links into the one private tmpfs, so that one cap holds over all of them. */
static int make_folders(void) {
    umask(0);
    if (mkdir("/dev/shm/box", 01777) != 0 || mkdir("/dev/shm/tmp", 01777) != 0) leave(EXIT_FOLDER, "/dev/shm");
    umask(022);
    int box = open("/box", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (box < 0) leave(EXIT_FOLDER, "/box");
    return box;
}

static void greet(int box) {
    char text[2] = {'H', VERSION};
    struct iovec part = {text, sizeof text};
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } extra = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &extra, .msg_controllen = sizeof extra};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &box, sizeof box);
    if (sendmsg(control, &message, MSG_NOSIGNAL) < 0) leave(EXIT_SOCKET, "greeting");
    close(box);
}

static void receive_job(void) {
    char mark = 0;
    struct iovec part = {&mark, 1};
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof received)]; } extra;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &extra, .msg_controllen = sizeof extra};
    ssize_t got;
    do got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got == 0) _exit(0);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (got != 1 || mark != 'J' || (message.msg_flags & MSG_CTRUNC) || head == NULL || head->cmsg_type != SCM_RIGHTS)
        leave(EXIT_JOB, "no job");
    count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(received, CMSG_DATA(head), (size_t)count * sizeof(int));
    if (count < 4) leave(EXIT_JOB, "too few descriptors");
}

static char **words(char **at, const char *end, uint32_t number) {
    char **list = calloc(number + 1, sizeof *list);
    if (list == NULL) leave(EXIT_JOB, "no memory");
    for (uint32_t i = 0; i < number; i++) {
        char *stop = *at < end ? memchr(*at, 0, (size_t)(end - *at)) : NULL;
        if (stop == NULL) leave(EXIT_JOB, "words are cut");
        list[i] = *at;
        *at = stop + 1;
    }
    return list;
}

static void pin(const unsigned char *from, uint32_t number) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (uint32_t i = 0; i < number; i++) {
        uint32_t cpu;
        memcpy(&cpu, from + i * sizeof cpu, sizeof cpu);
        if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
    }
    if (number > 0 && sched_setaffinity(0, sizeof set, &set) != 0) leave(EXIT_JOB, "processors");
}

/* Every source goes above every target first, so that no target overwrites a later source. */
static void lay_descriptors(void) {
    int sources[MOST_DESCRIPTORS];
    for (int i = 1; i < count; i++) {
        sources[i] = fcntl(received[i], F_DUPFD_CLOEXEC, PROGRAM_DESCRIPTORS_FROM);
        if (sources[i] < 0) leave(EXIT_JOB, "descriptors");
    }
    for (int i = 1; i < count; i++)
        if (dup2(sources[i], i - 1) < 0) leave(EXIT_JOB, "descriptors");
    syscall(SYS_close_range, (unsigned)(count - 1), ~0u, 0);
}

static void become_program(int gate) {
    struct stat info;
    if (fstat(received[0], &info) != 0) leave(EXIT_JOB, "job");
    size_t size = (size_t)info.st_size;
    char *base = size < sizeof(struct job) ? MAP_FAILED
                                           : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, received[0], 0);
    if (base == MAP_FAILED) leave(EXIT_JOB, "job");
    struct job job;
    memcpy(&job, base, sizeof job);
    size_t fixed = sizeof job + (size_t)job.filter_bytes + (size_t)job.cpus * sizeof(uint32_t);
    if (fixed > size) leave(EXIT_JOB, "job is cut");
    char *at = base + fixed;
    char **argv = words(&at, base + size, job.arguments);
    char **environment = words(&at, base + size, job.variables);
    if (argv[0] == NULL) leave(EXIT_JOB, "empty command");

    char go = 'C';
    if (send(control, &go, 1, MSG_NOSIGNAL) != 1) leave(EXIT_SOCKET, "start");
    if (read(gate, &go, 1) != 1) _exit(EXIT_SOCKET);

    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    pin((unsigned char *)base + sizeof job + job.filter_bytes, job.cpus);
    lay_descriptors();
    if (chdir("/box") != 0) leave(EXIT_FOLDER, "/box");
    struct sock_fprog program = {.len = (unsigned short)(job.filter_bytes / sizeof(struct sock_filter)),
                                 .filter = (struct sock_filter *)(void *)(base + sizeof job)};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        leave(EXIT_FILTER, "seccomp");
    environ = environment;
    execvp(argv[0], argv);
    leave(NOT_FOUND, argv[0]);
}

static void start_child(int gate[2], pid_t *child) {
    if (pipe2(gate, O_CLOEXEC) != 0) leave(EXIT_JOB, "pipe");
    *child = fork();
    if (*child < 0) leave(EXIT_JOB, "fork");
    if (*child == 0) {
        close(gate[1]);
        become_program(gate[0]);
    }
    close(gate[0]);
    for (int i = 0; i < count; i++) close(received[i]);
}

static void report(int status, const struct rusage *usage) {
    struct end end = {.mark = 'S', .status = status};
    end.cpu_us = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000u +
                 (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
    send(control, &end, sizeof end, MSG_NOSIGNAL);
}

/* Nobody is waited for once the program has ended: the supervisor counts what is left to count and ends us. */
static void watch(int signals, int gate, pid_t child) {
    struct pollfd looked[2] = {{.fd = control, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        if (poll(looked, 2, -1) < 0) {
            if (errno == EINTR) continue;
            leave(EXIT_SOCKET, "poll");
        }
        if (looked[0].revents != 0) {
            char word;
            if (recv(control, &word, 1, 0) <= 0) _exit(0);
            if (word == 'G' && write(gate, &word, 1) != 1) leave(EXIT_SOCKET, "start");
        }
        if (looked[1].revents & POLLIN) {
            struct signalfd_siginfo taken;
            if (read(signals, &taken, sizeof taken) < 0) leave(EXIT_SOCKET, "signals");
            int status;
            struct rusage usage;
            for (pid_t dead; (dead = wait4(-1, &status, WNOHANG, &usage)) > 0;)
                if (dead == child) report(status, &usage);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 2) leave(EXIT_USAGE, "usage: container-init SOCKET");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) leave(EXIT_FILTER, "prctl");
    /* A daemon of high priority hands it down; a candidate must not go before who watches it. */
    if (getpriority(PRIO_PROCESS, 0) < 0) setpriority(PRIO_PROCESS, 0, 0);
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    int signals = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) leave(EXIT_SOCKET, "signals");
    connect_to(argv[1]);
    greet(make_folders());
    receive_job();
    int gate[2];
    pid_t child;
    start_child(gate, &child);
    watch(signals, gate[1], child);
}
