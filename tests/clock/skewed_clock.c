/* A clock that is wrong, for one program: loaded before the C library, it adds SKEW_S seconds to what time it is. What measures how
 * long something takes is left alone. It calls nothing that could allocate, so that it works before any allocator does. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *time) {
    static long skew;
    static int known;
    if (!known) {
        const char *text = getenv("SKEW_S");
        skew = text ? atol(text) : 0;
        known = 1;
    }
    long result = syscall(SYS_clock_gettime, id, time);
    if (result == 0 && id == CLOCK_REALTIME) time->tv_sec += skew;
    return (int)result;
}
