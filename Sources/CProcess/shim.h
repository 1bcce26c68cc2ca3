#include <sys/prctl.h>

/* prctl is variadic, and Swift imports no variadic C function. */
static inline int paidan_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal); }
