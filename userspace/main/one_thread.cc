// SPDX-License-Identifier: Apache-2.0
// What a process of one thread that never forks need not ask for, in place of the C library's: a
// handshake has OpenSSL take some 700 locks that nobody else could hold, and ask the kernel nine
// times whether this is still the same process.
#ifndef KOI_SANITIZE

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

extern "C" {

pid_t getpid() noexcept {
  static const pid_t id = static_cast<pid_t>(::syscall(SYS_getpid));
  return id;
}

int pthread_rwlock_rdlock(pthread_rwlock_t*) noexcept { return 0; }
int pthread_rwlock_wrlock(pthread_rwlock_t*) noexcept { return 0; }
int pthread_rwlock_unlock(pthread_rwlock_t*) noexcept { return 0; }

}  // extern "C"

#endif
