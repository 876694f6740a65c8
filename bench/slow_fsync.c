/* LD_PRELOAD: every sync takes 2 ms longer, as on a real disk. sync_file_range and the like promise no durability. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

static const long EXTRA_NANOSECONDS = 2000000;

static int slowly(const char *name, int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(descriptor);
    int saved = errno;
    struct timespec rest = {0, EXTRA_NANOSECONDS};
    while (nanosleep(&rest, &rest) == -1 && errno == EINTR) {
    }
    errno = saved;
    return result;
}

int fsync(int descriptor) { return slowly("fsync", descriptor); }

int fdatasync(int descriptor) { return slowly("fdatasync", descriptor); }
