// SPDX-License-Identifier: Apache-2.0
// operator new and OpenSSL's memory, from one allocator: a worker has one thread, and asks for the
// same sizes again and again. The sanitizers bring an allocator of their own.
#include "main/worker_memory.h"

#ifdef KOI_SANITIZE

namespace koi {
void GiveMemoryToOpenSsl() {}
}  // namespace koi

#else

#include <openssl/crypto.h>

#include <cstddef>
#include <new>

#include "base/allocator.h"
#include "base/check.h"

namespace koi {
namespace {

// Never destroyed: destructors of other objects give memory back after it would be.
constinit Allocator worker_memory;

void* AllocateForOpenSsl(size_t bytes, const char*, int) {
  return bytes == 0 ? nullptr : worker_memory.Allocate(bytes);
}

void* ReallocateForOpenSsl(void* memory, size_t bytes, const char*, int) {
  if (bytes > 0) return worker_memory.Reallocate(memory, bytes);
  worker_memory.Free(memory);
  return nullptr;
}

void FreeForOpenSsl(void* memory, const char*, int) { worker_memory.Free(memory); }

}  // namespace

void GiveMemoryToOpenSsl() {
  KOI_CHECK(::CRYPTO_set_mem_functions(AllocateForOpenSsl, ReallocateForOpenSsl, FreeForOpenSsl) ==
            1);
}

}  // namespace koi

void* operator new(size_t bytes) {
  void* memory = koi::worker_memory.Allocate(bytes);
  KOI_CHECK(memory != nullptr);  // out of memory
  return memory;
}

void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { koi::worker_memory.Free(memory); }
void operator delete[](void* memory) noexcept { koi::worker_memory.Free(memory); }
void operator delete(void* memory, size_t) noexcept { koi::worker_memory.Free(memory); }
void operator delete[](void* memory, size_t) noexcept { koi::worker_memory.Free(memory); }

#endif
