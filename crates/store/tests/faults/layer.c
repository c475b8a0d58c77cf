/* A layer between a program and its files that forgets, fails and cuts the power.
 *
 * Preloaded (LD_PRELOAD), it watches what happens to files below FAULT_DIR. Of every 512 bytes written since the
 * file's last sync it keeps what the disk surely holds, and of every new, renamed or removed name since the folder's last
 * sync the way back. Operations are numbered. By FAULT_MODE:
 *   count     do nothing; at the end the number of operations is written to FAULT_REPORT
 *   power     at operation FAULT_AT bring back a random part (FAULT_SEED) of what was not synced, and exit
 *   write-eio, write-enospc, sync-eio    fail the first FAULT_TIMES writes or syncs from operation FAULT_AT
 *             on, if FAULT_FILE is set those of files and folders whose names end so;
 *             what a failed sync should have written counts as never written until it is written again,
 *             and as on Linux since 4.13 each file descriptor that was open then is told so once;
 *             then cut the power FAULT_CRASH_AFTER operations later, if that is not 0.
 * Shared memory (-shm) is left out: it does not outlive the process in any sense that matters.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 512
#define FDS 4096
#define PATH 512

/* cut: which shortening of the file took it away, or 0. A file system keeps such a change whole or not at all. */
struct chunk { char path[PATH]; off_t at; int len; unsigned cut; char old[CHUNK]; struct chunk *next; };
struct size { char path[PATH]; off_t durable; struct size *next; };
struct entry { enum { CREATED, RENAMED, REMOVED, FOLDER } kind; char path[PATH], other[PATH]; struct entry *older; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *names[FDS];
static struct chunk *chunks;   /* what is written but not synced; DOOMED ones no sync will write */
static struct chunk *doomed;
static struct size *sizes;
static struct entry *entries;  /* newest first */
static const char *dir, *mode = "off", *stash, *file = "";
static long op, fault_at, crash_after, fired_at, times = 1;
static unsigned long seed;
static unsigned cuts;
static int fired, stashed;

/* Failed syncs by file, and how many of them each file descriptor was told of. */
struct failure { char path[PATH]; int count; struct failure *next; };
static struct failure *failures;
static int told[FDS];

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_close)(int);

static unsigned long dice(void) {
    seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
    return seed >> 11;
}

__attribute__((constructor)) static void begin(void) {
    real_open = dlsym(RTLD_NEXT, "open64");
    real_openat = dlsym(RTLD_NEXT, "openat64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    real_close = dlsym(RTLD_NEXT, "close");
    dir = getenv("FAULT_DIR");
    stash = getenv("FAULT_STASH");
    if (getenv("FAULT_MODE")) mode = getenv("FAULT_MODE");
    if (getenv("FAULT_AT")) fault_at = atol(getenv("FAULT_AT"));
    if (getenv("FAULT_CRASH_AFTER")) crash_after = atol(getenv("FAULT_CRASH_AFTER"));
    if (getenv("FAULT_TIMES")) times = atol(getenv("FAULT_TIMES"));
    if (getenv("FAULT_FILE")) file = getenv("FAULT_FILE");
    seed = getenv("FAULT_SEED") ? strtoul(getenv("FAULT_SEED"), 0, 10) * 2654435761u + 88172645463325252u : 1;
}

__attribute__((destructor)) static void end(void) {
    const char *report = getenv("FAULT_REPORT");
    if (!report) return;
    FILE *file = fopen(report, "w");
    if (file) { fprintf(file, "%ld\n", op); fclose(file); }
}

static int ours(const char *path) {
    if (!dir || !path || strncmp(path, dir, strlen(dir)) || strlen(path) >= PATH) return 0;
    size_t len = strlen(path);
    return !(len > 4 && !strcmp(path + len - 4, "-shm"));
}

static const char *name_of(int fd) { return fd >= 0 && fd < FDS ? names[fd] : 0; }

static int *failures_of(const char *path) {
    for (struct failure *f = failures; f; f = f->next) if (!strcmp(f->path, path)) return &f->count;
    struct failure *f = calloc(1, sizeof *f);
    snprintf(f->path, PATH, "%s", path);
    f->next = failures;
    failures = f;
    return &f->count;
}

static void parent_of(const char *path, char *out) {
    strcpy(out, path);
    char *slash = strrchr(out, '/');
    if (slash) *slash = 0;
}

/* The power goes: what was not synced comes back in part, and the process ends. */
static void power_loss(void) {
    unsigned long share = dice() % 5; /* 0: all is lost, 4: nothing */
    for (int list = 0; list < 2; list++) {
        for (struct chunk *c = list ? doomed : chunks; c; c = c->next) {
            unsigned long luck = c->cut ? c->cut * 2654435761u >> 7 : dice();
            if (luck % 4 < share) continue;
            int fd = real_open(c->path, O_WRONLY);
            if (fd < 0) continue;
            struct stat st;
            off_t len = fstat(fd, &st) ? 0 : st.st_size - c->at;
            if (len > CHUNK) len = CHUNK;
            if (len < c->len) len = c->len;
            if (len > 0 && real_pwrite(fd, c->old, len, c->at) < 0) perror("layer");
            real_close(fd);
        }
    }
    for (struct size *s = sizes; s; s = s->next) {
        struct stat st;
        if (share == 4 || dice() % 2 || stat(s->path, &st) || st.st_size <= s->durable) continue;
        int fd = real_open(s->path, O_WRONLY);
        if (fd < 0) continue;
        if (real_ftruncate(fd, s->durable)) perror("layer");
        real_close(fd);
    }
    long count = 0;
    for (struct entry *e = entries; e; e = e->older) count++;
    /* A folder's changes reach the disk in order: the newest so many are undone. */
    long undo = share == 4 ? 0 : share == 0 ? count : (long)(dice() % (count + 1));
    for (struct entry *e = entries; e && undo > 0; e = e->older, undo--) {
        if (e->kind == CREATED) real_unlink(e->path);
        if (e->kind == RENAMED) real_rename(e->other, e->path);
        if (e->kind == REMOVED) real_rename(e->other, e->path);
        if (e->kind == FOLDER) { /* with all that is in it */
            char gone[PATH];
            snprintf(gone, sizeof gone, "%s/%d-%d", stash, getpid(), stashed++);
            real_rename(e->path, gone);
        }
    }
    _exit(77);
}

static int is_meant(const char *path) {
    size_t len = strlen(path), end = strlen(file);
    return len >= end && !strcmp(path + len - end, file);
}

/* Counts an operation; true if it is to fail, with errno set. */
static int step(const char *path, int is_write, int is_sync) {
    op++;
    if (!strcmp(mode, "power")) {
        if (op == fault_at) power_loss();
        return 0;
    }
    if (crash_after && fired && op >= fired_at + crash_after) power_loss();
    if (fired >= times || op < fault_at || !is_meant(path)) return 0;
    if ((is_write && !strcmp(mode, "write-eio")) || (is_sync && !strcmp(mode, "sync-eio"))) errno = EIO;
    else if (is_write && !strcmp(mode, "write-enospc")) errno = ENOSPC;
    else return 0;
    if (!fired++) fired_at = op;
    return 1;
}

static struct size *size_of(const char *path, off_t now) {
    for (struct size *s = sizes; s; s = s->next) if (!strcmp(s->path, path)) return s;
    struct size *s = calloc(1, sizeof *s);
    strcpy(s->path, path); s->durable = now; s->next = sizes; sizes = s;
    return s;
}

/* Keeps what the disk holds of the file between two offsets, which a write or, if not 0, a cut changes. */
static void keep(int fd, const char *path, off_t from, off_t to, unsigned cut) {
    struct stat st;
    fstat(fd, &st);
    size_of(path, st.st_size);
    int reader = real_open(path, O_RDONLY);
    for (off_t at = from - from % CHUNK; at < to; at += CHUNK) {
        struct chunk *c, **link;
        for (c = chunks; c; c = c->next) if (c->at == at && !strcmp(c->path, path)) break;
        if (c) continue;
        for (link = &doomed; *link; link = &(*link)->next)
            if ((*link)->at == at && !strcmp((*link)->path, path)) break;
        if (*link) { /* dirty again, with the old way back */
            c = *link; *link = c->next; c->next = chunks; chunks = c;
            continue;
        }
        c = calloc(1, sizeof *c);
        strcpy(c->path, path); c->at = at; c->cut = cut;
        ssize_t got = reader < 0 ? 0 : pread(reader, c->old, CHUNK, at);
        c->len = got > 0 ? (int)got : 0; /* beyond that: zeros, if the longer size survives */
        c->next = chunks; chunks = c;
    }
    if (reader >= 0) real_close(reader);
}

static void synced(const char *path, int failed) {
    for (struct chunk **link = &chunks; *link;) {
        struct chunk *c = *link;
        if (strcmp(c->path, path)) { link = &c->next; continue; }
        *link = c->next;
        if (failed) { c->next = doomed; doomed = c; } else free(c);
    }
    struct stat st;
    if (!failed && !stat(path, &st)) size_of(path, st.st_size)->durable = st.st_size;
    for (struct entry **link = &entries; !failed && *link;) {
        struct entry *e = *link;
        char parent[PATH];
        parent_of(e->kind == RENAMED ? e->other : e->path, parent);
        if (strcmp(parent, path)) { link = &e->older; continue; }
        *link = e->older;
        free(e);
    }
}

static void forget(const char *path) {
    for (int list = 0; list < 2; list++) {
        for (struct chunk **link = list ? &doomed : &chunks; *link;) {
            struct chunk *c = *link;
            if (strcmp(c->path, path)) { link = &c->next; continue; }
            *link = c->next;
            free(c);
        }
    }
    for (struct size **link = &sizes; *link;) {
        struct size *s = *link;
        if (strcmp(s->path, path)) { link = &s->next; continue; }
        *link = s->next;
        free(s);
    }
}

static void note(int kind, const char *path, const char *other) {
    struct entry *e = calloc(1, sizeof *e);
    e->kind = kind; strcpy(e->path, path);
    if (other) strcpy(e->other, other);
    e->older = entries; entries = e;
}

static int opened(const char *path, int flags, mode_t perm) {
    if (!ours(path)) return real_open(path, flags, perm);
    pthread_mutex_lock(&lock);
    struct stat st;
    int is_new = (flags & O_CREAT) && stat(path, &st);
    int fd = -1;
    if (!is_new || !step(path, 1, 0)) fd = real_open(path, flags, perm);
    if (fd >= 0 && fd < FDS) {
        free(names[fd]);
        names[fd] = strdup(path);
        size_t len = strlen(names[fd]);
        if (len > 1 && names[fd][len - 1] == '/') names[fd][len - 1] = 0;
        told[fd] = *failures_of(names[fd]);
        if (is_new) { note(CREATED, path, 0); size_of(path, 0)->durable = 0; }
    }
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return fd;
}

#define PERM mode_t perm = 0; if (flags & O_CREAT) { va_list a; va_start(a, flags); perm = va_arg(a, mode_t); va_end(a); }
int open(const char *path, int flags, ...) { PERM return opened(path, flags, perm); }
int open64(const char *path, int flags, ...) { PERM return opened(path, flags, perm); }
int openat(int at, const char *path, int flags, ...) {
    PERM return path[0] == '/' ? opened(path, flags, perm) : real_openat(at, path, flags, perm);
}
int openat64(int at, const char *path, int flags, ...) {
    PERM return path[0] == '/' ? opened(path, flags, perm) : real_openat(at, path, flags, perm);
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (name_of(fd)) { free(names[fd]); names[fd] = 0; }
    pthread_mutex_unlock(&lock);
    return real_close(fd);
}

static ssize_t written(int fd, const void *bytes, size_t len, off_t at) {
    const char *path = name_of(fd);
    if (!path) return at < 0 ? real_write(fd, bytes, len) : real_pwrite(fd, bytes, len, at);
    pthread_mutex_lock(&lock);
    ssize_t done = -1;
    if (!step(path, 1, 0)) {
        off_t from = at < 0 ? lseek(fd, 0, SEEK_CUR) : at;
        keep(fd, path, from, from + (off_t)len, 0);
        done = at < 0 ? real_write(fd, bytes, len) : real_pwrite(fd, bytes, len, at);
    }
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t len) { return written(fd, bytes, len, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) { return written(fd, bytes, len, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) { return written(fd, bytes, len, at); }

int ftruncate64(int fd, off_t len) {
    const char *path = name_of(fd);
    if (!path) return real_ftruncate(fd, len);
    pthread_mutex_lock(&lock);
    int done = -1;
    struct stat st;
    if (!step(path, 1, 0)) {
        fstat(fd, &st);
        if (st.st_size > len) keep(fd, path, len, st.st_size, ++cuts);
        else size_of(path, st.st_size);
        done = real_ftruncate(fd, len);
    }
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}
int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }

static int sync_with(int fd, int (*real)(int)) {
    const char *path = name_of(fd);
    if (!path) return real(fd);
    pthread_mutex_lock(&lock);
    int failed = step(path, 0, 1), *count = failures_of(path);
    synced(path, failed);
    if (failed) ++*count;
    failed |= told[fd] < *count;
    told[fd] = *count;
    pthread_mutex_unlock(&lock);
    if (failed) { errno = EIO; return -1; }
    return 0; /* The page cache outlives the process: nothing needs to reach the real disk. */
}
int fsync(int fd) { return sync_with(fd, real_fsync); }
int fdatasync(int fd) { return sync_with(fd, real_fdatasync); }

int rename(const char *from, const char *to) {
    if (!ours(from)) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (!step(from, 1, 0) && !(done = real_rename(from, to))) {
        note(RENAMED, from, to);
        for (struct chunk *c = chunks; c; c = c->next) if (!strcmp(c->path, from)) strcpy(c->path, to);
        for (struct chunk *c = doomed; c; c = c->next) if (!strcmp(c->path, from)) strcpy(c->path, to);
        for (struct size *s = sizes; s; s = s->next) if (!strcmp(s->path, from)) strcpy(s->path, to);
    }
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}

int unlink(const char *path) {
    if (!ours(path) || !stash) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (!step(path, 0, 0)) {
        char kept[PATH];
        snprintf(kept, sizeof kept, "%s/%d-%d", stash, getpid(), stashed++);
        int linked = link(path, kept);
        done = real_unlink(path);
        if (!done && !linked) note(REMOVED, path, kept);
        /* What was not synced of a file that is gone no longer matters. */
        if (!done) forget(path);
    }
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}

int mkdir(const char *path, mode_t perm) {
    if (!ours(path)) return real_mkdir(path, perm);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (!step(path, 0, 0) && !(done = real_mkdir(path, perm))) note(FOLDER, path, 0);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}
