// SPDX-License-Identifier: Apache-2.0
// A place of its own for a test program that needs the kernel: nothing it pins, mounts or attaches
// is seen by others, and all of it goes with the process, however that ends.
#pragma once

#include <cstdint>
#include <string>

namespace koi {

// Moves this process to a network namespace with only lo, which is up, and to a mount namespace
// with an empty bpffs on /sys/fs/bpf; once, whoever asks again. Needs root; ends the process where
// the kernel refuses.
void EnterSandbox();

// An interface in there, and its index. It is one of a pair, up, and leads to the other.
uint32_t MakeInterface(const std::string& name);

// A new directory for pins in there.
std::string NewPinDirectory();

}  // namespace koi
